// A local server that behaves as badly as a test asks for.
import { createServer, type Incoming, type Outgoing } from 'node:http';

/** One request as it arrived. */
export interface Arrival {
  method: string;
  url: string;
  headers: Record<string, string | undefined>;
  body: string;
}

/** Answers a request, or not. number counts the requests, from 1. */
export type Behaviour = (request: Arrival, response: Outgoing, number: number) => void | Promise<void>;

/** A server under test, and what it has received. */
export interface Misbehaving extends AsyncDisposable {
  baseUrl: string;
  arrivals: Arrival[];
}

/** Starts a server with a behaviour; `await using` stops it. */
export async function misbehave(behaviour: Behaviour): Promise<Misbehaving> {
  const arrivals: Arrival[] = [];
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const arrival = { method: request.method, url: request.url, headers: request.headers, body };
      return behaviour(arrival, response, arrivals.push(arrival));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${server.address().port}`,
    arrivals,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}

async function readAll(request: Incoming): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of request) text += decoder.decode(chunk, { stream: true });
  return text;
}

/** Answers with JSON. */
export function answer(response: Outgoing, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}
