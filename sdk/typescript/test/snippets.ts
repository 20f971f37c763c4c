// Takes the snippets out of testdata/snippets.md, and tells what each calls.
import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** One code block, under the heading it stands below. */
export interface Snippet {
  name: string;
  code: string;
}

/** Reads all code blocks, in order. */
export function readSnippets(): Snippet[] {
  const text = readFileSync(new URL('../testdata/snippets.md', import.meta.url), 'utf8');
  const blocks = text.matchAll(/^## (\w+)\n+```typescript\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, name, code]) => ({ name: name!, code: code! }));
}

/** The shape of the call in a snippet: the method, and its argument's members as `cost.amount`, in the order of the text. */
export function shapeOf(code: string): string {
  const calls: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      calls.push(`${node.expression.name.text}(${node.arguments.flatMap((argument) => membersOf(argument, '')).join(' ')})`);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('snippet.ts', code, ts.ScriptTarget.Latest));
  return calls.join('; ');
}

function membersOf(node: ts.Node, prefix: string): string[] {
  if (!ts.isObjectLiteralExpression(node)) return prefix ? [prefix] : [];
  return node.properties.flatMap((member) => {
    if (!ts.isPropertyAssignment(member) || !ts.isIdentifier(member.name)) throw new Error(`not a plain member: ${member.kind}`);
    return membersOf(member.initializer, prefix ? `${prefix}.${member.name.text}` : member.name.text);
  });
}

/** Type checks texts, each as a module that stands beside the tests, and returns what the compiler says of each. */
export function complaintsAbout(...texts: string[]): string[][] {
  const root = new URL('../', import.meta.url).pathname;
  const inline = new Map(texts.map((text, i) => [`${root}test/inline-${i}.ts`, text]));
  const settings = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile).config as object;
  const { options } = ts.parseJsonConfigFileContent(settings, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (name) => inline.has(name) || fileExists(name);
  host.getSourceFile = (name, version, ...rest) => {
    const text = inline.get(name);
    return text === undefined ? getSourceFile(name, version, ...rest) : ts.createSourceFile(name, text, version);
  };
  const program = ts.createProgram([...inline.keys()], options, host);
  return [...inline.keys()].map((name) => {
    const file = program.getSourceFile(name)!;
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return found.map((one) => ts.flattenDiagnosticMessageText(one.messageText, '\n'));
  });
}
