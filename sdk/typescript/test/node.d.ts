// The few parts of Node that the tests use, declared here so that their types need no dependency.

declare module 'node:child_process' {
  interface Child {
    readonly pid: number;
    readonly exitCode: number | null;
    readonly stdout: AsyncIterable<Uint8Array>;
    kill(signal: string): boolean;
    once(event: 'exit', listener: () => void): void;
  }
  interface Options {
    cwd?: string;
    env?: Record<string, string | undefined>;
    stdio?: readonly ('ignore' | 'pipe' | 'inherit')[];
  }
  export function spawn(command: string, args: readonly string[], options: Options): Child;
  export function execFileSync(command: string, args: readonly string[], options: Options & { encoding: 'utf8' }): string;
}

declare module 'node:fs' {
  export function mkdtempSync(prefix: string): string;
  export function rmSync(path: string, options: { recursive: boolean; force: boolean }): void;
  export function readFileSync(path: string | URL, encoding: 'utf8'): string;
  export function writeFileSync(path: string, text: string): void;
}

declare module 'node:http' {
  export interface Incoming extends AsyncIterable<Uint8Array> {
    readonly method: string;
    readonly url: string;
    readonly headers: Record<string, string | undefined>;
  }
  export interface Outgoing {
    writeHead(status: number, headers?: Record<string, string>): Outgoing;
    write(text: string): boolean;
    end(text?: string): void;
    destroy(): void;
  }
  interface Server {
    listen(port: number, host: string, ready: () => void): void;
    address(): { port: number };
    close(done: () => void): void;
    closeAllConnections(): void;
  }
  export function createServer(handler: (request: Incoming, response: Outgoing) => void): Server;
}

declare module 'node:os' {
  export function tmpdir(): string;
}

declare module 'node:url' {
  export function fileURLToPath(url: URL): string;
}

declare const process: { readonly env: Record<string, string | undefined>; readonly execPath: string };
