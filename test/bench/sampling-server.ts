import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// The part of the protocol that samples need, made as cheap as it can be, so that what is measured is the client.
// `node … sampling-server.ts` prints its port, and ends with its parent, or after ten minutes.

/** Tokens of each result. */
const RESULT_TOKENS = 16;
/** How long a poll is held, in milliseconds. */
const HOLD_MS = 40_000;
const LIFETIME_MS = 600_000;

/** A sample that was handed in. */
interface Future {
  /** Of the clock that this process started by, in milliseconds; `undefined` until there is a result. */
  readyAt: number | undefined;
  /** The poll that waits for it. */
  poll: ServerResponse | undefined;
  timer: NodeJS.Timeout | undefined;
}

const futures = new Map<string, Future>();
/** Milliseconds from the submission to the result; `undefined`: until it is released. */
let delayMs: number | undefined = 0;
let nextId = 0;

const RESULT = JSON.stringify({
  sequences: [
    {
      stop_reason: 'length',
      tokens: Array.from({ length: RESULT_TOKENS }, (_, i) => 1_000 + i),
      logprobs: Array.from({ length: RESULT_TOKENS }, (_, i) => -0.125 * (i + 1)),
    },
  ],
  prompt_cache_hit_tokens: 0,
  type: 'sample',
});

const json = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
};

function becomeReady(future: Future): void {
  future.readyAt = performance.timeOrigin + performance.now();
  const { poll, timer } = future;
  clearTimeout(timer);
  future.poll = undefined;
  if (poll !== undefined) json(poll, 200, RESULT);
}

function submit(): string {
  const id = `future-${nextId++}`;
  const future: Future = { readyAt: undefined, poll: undefined, timer: undefined };
  futures.set(id, future);
  if (delayMs === 0) becomeReady(future);
  else if (delayMs !== undefined) setTimeout(becomeReady, delayMs, future);
  return JSON.stringify({ request_id: id });
}

function poll(id: string, response: ServerResponse): void {
  const future = futures.get(id);
  if (future === undefined) {
    json(response, 404, '{"detail":"unknown future"}');
  } else if (future.readyAt !== undefined) {
    json(response, 200, RESULT);
  } else {
    future.poll = response;
    future.timer = setTimeout(() => {
      future.poll = undefined;
      json(response, 408, '{"queue_state":"active"}');
    }, HOLD_MS);
  }
}

/** What the benches ask for, beside the protocol. */
function control(command: string, body: string, response: ServerResponse): void {
  if (command === 'delay') {
    const { ms } = JSON.parse(body) as { ms: number | null };
    delayMs = ms ?? undefined;
  } else if (command === 'release') {
    for (const future of futures.values()) if (future.readyAt === undefined) becomeReady(future);
  } else if (command === 'forget') {
    futures.clear();
  }
  const held = [...futures.values()].filter((future) => future.poll !== undefined).length;
  const readyAt =
    command === 'stamps' ? Object.fromEntries([...futures].map(([id, f]) => [id, f.readyAt])) : {};
  json(response, 200, JSON.stringify({ held, readyAt }));
}

const REST: Readonly<Record<string, string>> = {
  '/api/v1/create_session': '{"session_id":"session"}',
  '/api/v1/create_sampling_session': '{"sampling_session_id":"session:sample:0"}',
  '/api/v1/session_heartbeat': '{}',
  '/api/v1/client/config': '{}',
};

function answer(path: string, body: string, response: ServerResponse): void {
  if (path === '/api/v1/retrieve_future') {
    poll((JSON.parse(body) as { request_id: string }).request_id, response);
  } else if (path === '/api/v1/asample') {
    json(response, 200, submit());
  } else if (path.startsWith('/bench/')) {
    control(path.slice('/bench/'.length), body, response);
  } else {
    const known = REST[path];
    json(response, known === undefined ? 404 : 200, known ?? '{"detail":"Not Found"}');
  }
}

const server = createServer((request: IncomingMessage, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => answer(request.url ?? '', body, response));
});
server.keepAliveTimeout = 120_000;
server.headersTimeout = 130_000;
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  console.log((server.address() as AddressInfo).port);
});
process.stdin.on('end', () => process.exit()).resume();
setTimeout(() => process.exit(), LIFETIME_MS).unref();
