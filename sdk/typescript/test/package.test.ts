// What is published: the generated files, and the package as its users get it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { userAgent } from '../src/transport.js';

const root = fileURLToPath(new URL('../', import.meta.url));
const about = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as Record<string, unknown>;

/** Runs Node in a folder and returns what it prints. It throws, with all that Node has printed, when Node fails. */
function node(folder: string, ...args: string[]): string {
  try {
    return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: process.env, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error });
  }
}

test('the generated files are what api/openapi.yaml gives today', () => {
  expect(node(root, 'tools/generate.mjs', '--check')).toBe('');
});

test('there is nothing to install beside the package, and it says its version', () => {
  expect(about).not.toHaveProperty('dependencies');
  expect(about).not.toHaveProperty('peerDependencies');
  expect(userAgent).toBe(`scrip-sdk-typescript/${String(about['version'])}`);
});

describe('the built package', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(`${tmpdir()}/scrip-sdk-package-`);
    node(root, 'node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', `${folder}/node_modules/@scrip/sdk/dist`);
    writeFileSync(`${folder}/node_modules/@scrip/sdk/package.json`, JSON.stringify(about));
    writeFileSync(`${folder}/package.json`, '{"type": "module"}');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('plain Node imports it by its name and talks to the server', () => {
    writeFileSync(`${folder}/app.js`, `import Stigg, { verifyWebhook } from '@scrip/sdk';
const client = Stigg.initialize({ apiKey: ${JSON.stringify(inject('apiKey'))}, baseUrl: ${JSON.stringify(inject('baseUrl'))} });
const state = await client.getCreditEntitlement({ customerId: 'stranger', currencyId: 'none' });
console.log(state.accessDeniedReason, state.remainingExact, typeof verifyWebhook);`);
    expect(node(folder, 'app.js')).toBe('CustomerNotFound 0 function\n');
  });

  test('its types say what its users need', () => {
    writeFileSync(`${folder}/app.ts`, `import { Scrip, type Grant } from '@scrip/sdk';
const client = new Scrip({ apiKey: 'k', baseUrl: 'https://a' });
const grant: Grant = await client.grantCredits({ customerId: 'a', currencyId: 'b', amount: '1.5', displayName: 'c' });
export const exact: string = grant.remainingExact ?? '';
for await (const row of await client.getCreditLedger({ customerId: 'a' })) row.endBalanceExact satisfies string | undefined;`);
    const settings = ['--module', 'NodeNext', '--target', 'ES2022', '--lib', 'ES2022,DOM', '--strict', '--noEmit'];
    expect(node(folder, `${root}node_modules/typescript/bin/tsc`, ...settings, 'app.ts')).toBe('');
  });
});
