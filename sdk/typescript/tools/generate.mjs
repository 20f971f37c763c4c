// Writes what the package knows of the REST contract, from api/openapi.yaml:
//
//   src/api.gen.ts      the types of every request and answer
//   src/amounts.gen.ts  the names of the members that hold amounts
//
// A member that holds an amount gets a twin in the types, `balance` beside `balanceExact`, because src/json.ts gives it one
// when it reads an answer. json.ts goes by names alone, so a count with the name of an amount gets a twin too, which the
// types do not mention. With --check nothing is written; the exit code is 1 when a file differs from its source.
import { readFileSync, writeFileSync } from 'node:fs';
import openapiTypescript, { astToString, COMMENT_HEADER } from 'openapi-typescript';
import ts from 'typescript';

const contract = new URL('../../../api/openapi.yaml', import.meta.url);
const amountRef = '#/components/schemas/Amount';

/** The names of members that hold amounts. */
const amounts = new Set();

/** Tells how a schema holds an amount: 'no', 'yes', or 'nullable'. */
function holdsAmount(schema) {
  if (schema.$ref === amountRef) return 'yes';
  return schema.anyOf?.some((one) => one.$ref === amountRef) ? 'nullable' : 'no';
}

/** Notes the names of an object's members, and answers which of them hold amounts. */
function amountsOf(properties) {
  const found = new Map();
  for (const [name, schema] of Object.entries(properties)) {
    const holds = holdsAmount(schema);
    if (holds === 'no') continue;
    found.set(name, holds);
    amounts.add(name);
  }
  return found;
}

/** Makes the twin of a member. */
function twin(member, holds) {
  const text = ts.factory.createKeywordTypeNode(ts.SyntaxKind.StringKeyword);
  const type = holds === 'yes' ? text : ts.factory.createUnionTypeNode([text, ts.factory.createLiteralTypeNode(ts.factory.createNull())]);
  const made = ts.factory.createPropertySignature(undefined, `${member.name.text}Exact`, member.questionToken, type);
  return ts.addSyntheticLeadingComment(
    made, ts.SyntaxKind.MultiLineCommentTrivia, `* @description All digits of \`${member.name.text}\`. `, true,
  );
}

/** Adds the twins to the type of an object. */
function withTwins(type, { schema }) {
  if (!schema?.properties || !ts.isTypeLiteralNode(type)) return undefined;
  const found = amountsOf(schema.properties);
  if (found.size === 0) return undefined;
  return ts.factory.createTypeLiteralNode(
    type.members.flatMap((member) => {
      const holds = found.get(member.name?.text);
      return holds ? [member, twin(member, holds)] : [member];
    }),
  );
}

/** Writes a file, or with --check compares it. */
function put(name, text) {
  const file = new URL(`../src/${name}`, import.meta.url);
  if (!process.argv.includes('--check')) return writeFileSync(file, text);
  if (readFileSync(file, 'utf8') === text) return undefined;
  console.error(`src/${name} is out of date; commit what 'npm run generate' writes`);
  process.exitCode = 1;
}

const types = astToString(await openapiTypescript(contract, { postTransform: withTwins, alphabetize: false }));

put('api.gen.ts', COMMENT_HEADER + types);
put(
  'amounts.gen.ts',
  `// Written by tools/generate.mjs from api/openapi.yaml. Do not edit.

/** The members of answers that hold an amount. */
export const amountNames: readonly string[] = [
${[...amounts].sort().map((name) => `  '${name}',\n`).join('')}];
`,
);
