import { expect } from 'vitest';
import { createEmulator, type Emulator, type EmulatorOptions } from '../../src/emulator/index.ts';
import { seededRandom } from '../../src/kernel/random.ts';
import { createVirtualClock, type VirtualClock } from '../../src/testing/virtual-clock.ts';
import { SMALL } from './offline.ts';

/** What an emulator answered: its JSON, if it is any. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: read by tests, which know what they asked for.
  readonly body: any;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** How to call, beside what. */
export interface CallOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An emulator on virtual time, called by somebody with a key, without the client. */
export interface EmulatorCalls {
  readonly clock: VirtualClock;
  readonly emulator: Emulator;
  /** The same emulator, called by somebody with another key. */
  as(key: string | undefined): EmulatorCalls;
  /** One call: GET without a body, else POST, unless told otherwise. */
  call(path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  /** The JSON of a call that must be answered by 200. */
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  ok(path: string, body?: unknown): Promise<any>;
  /** What a call came to that is answered by a future. */
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  result(path: string, body: unknown): Promise<any>;
  /** A new session's id. */
  session(details?: object): Promise<string>;
  /** A new model of rank 4. */
  model(
    details?: object,
    session?: string,
  ): Promise<{ readonly sessionId: string; readonly modelId: string }>;
}

/** Text and bytes as they are, anything else in JSON. */
function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? Uint8Array.from(body) : JSON.stringify(body);
}

const MODEL = { base_model: 'emulator/tiny', lora_config: { rank: 4, seed: 1 }, type: 'create_model' };

/** Start an emulator with a small model. */
export function emulatorCalls(options: EmulatorOptions = {}): EmulatorCalls {
  const clock = (options.clock as VirtualClock | undefined) ?? createVirtualClock();
  const emulator = createEmulator({ model: SMALL, clock, random: seededRandom(1), ...options });
  return callsBy('tml-first', clock, emulator);
}

function callsBy(key: string | undefined, clock: VirtualClock, emulator: Emulator): EmulatorCalls {
  const calls: EmulatorCalls = {
    clock,
    emulator,
    as: (other) => callsBy(other, clock, emulator),
    async call(path, body, { method = body === undefined ? 'GET' : 'POST', headers = {} } = {}) {
      const url = path.startsWith('http') ? path : `https://host/any/base/api/v1/${path}`;
      const request = new Request(url, {
        method,
        headers: { ...(key === undefined ? {} : { 'x-api-key': key }), ...headers },
        ...(body === undefined ? {} : { body: bodyOf(body) }),
      });
      const response = await clock.drive(emulator.fetch(request));
      const bytes = new Uint8Array(await response.arrayBuffer());
      const isJson = bytes.length > 0 && response.headers.get('content-type') === 'application/json';
      const answer = isJson ? JSON.parse(new TextDecoder().decode(bytes)) : undefined;
      return { status: response.status, body: answer, headers: response.headers, bytes };
    },
    async ok(path, body) {
      const { status, body: answer } = await calls.call(path, body);
      expect([path, status, answer]).toEqual([path, 200, answer]);
      return answer;
    },
    async result(path, body) {
      const { request_id } = await calls.ok(path, body);
      for (;;) {
        const { status, body: answer } = await calls.call('retrieve_future', {
          request_id,
          allow_metadata_only: false,
        });
        if (status !== 408) return answer;
      }
    },
    async session(details = {}) {
      const body = { tags: [], user_metadata: {}, sdk_version: '0.25.0', type: 'create_session', ...details };
      return (await calls.ok('create_session', body)).session_id;
    },
    async model(details = {}, session) {
      const sessionId = session ?? (await calls.session());
      const body = { ...MODEL, session_id: sessionId, model_seq_id: 0, ...details };
      const { model_id } = await calls.result('create_model', body);
      expect(model_id).toBe(`${sessionId}:train:${body.model_seq_id}`);
      return { sessionId, modelId: model_id };
    },
  };
  return calls;
}
