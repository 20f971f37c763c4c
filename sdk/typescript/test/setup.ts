// Builds Scrip from this repository and starts it for all tests, on a free port and with a folder of its own.
import { type Child, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the server of the tests listens. */
    baseUrl: string;
    /** Its full-access key. */
    apiKey: string;
  }
}

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const apiKey = 'key-of-the-tests-of-the-typescript-sdk';

/** Starts the server and returns what stops it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(`${tmpdir()}/scrip-sdk-`);
  const program = `${folder}/scrip`;
  execFileSync('go', ['build', '-o', program, './cmd/scrip'], {
    cwd: repository, encoding: 'utf8', env: { ...process.env, CGO_ENABLED: '0' },
  });
  const server = spawn(program, ['serve', '--listen', '127.0.0.1:0', '--data', `${folder}/data`, '--drain-wait', '0s'], {
    env: { ...withoutScrip(process.env), SCRIP_API_KEY: apiKey }, stdio: ['ignore', 'pipe', 'ignore'],
  });
  project.provide('baseUrl', await addressOf(server));
  project.provide('apiKey', apiKey);
  return async () => {
    await stop(server);
    rmSync(folder, { recursive: true, force: true });
  };
}

/** Leaves out the settings of a Scrip that runs here for real, its database above all. */
function withoutScrip(variables: typeof process.env): typeof process.env {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith('SCRIP_')));
}

/** Reads the address that the server prints once it listens. */
async function addressOf(server: Child): Promise<string> {
  let printed = '';
  for await (const chunk of server.stdout) {
    printed += new TextDecoder().decode(chunk);
    const address = /http:\/\/[\d.]+:\d+/.exec(printed)?.[0];
    if (address) return address;
  }
  throw new Error(`the server did not start: ${printed}`);
}

async function stop(server: Child): Promise<void> {
  if (server.exitCode !== null) return;
  const ended = new Promise<void>((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  await ended;
}
