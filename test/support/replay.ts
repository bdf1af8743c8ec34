import { decodeForwardBackwardRequest } from '../../src/emulator/protobuf/forward-backward-request.ts';
import type { FetchLike, RandomSource } from '../../src/index.ts';
import { mutateReply, type Reply, responseOf } from './reply-mutations.ts';

/** A request, as far as replies depend on it. */
export interface SeenRequest {
  /** Method and route without ids; polls with the route of what is polled: `retrieve_future of optim_step`. */
  readonly endpoint: string;
  /** What tells it from others: the same for each attempt, and whatever ids and numbers the client had from elsewhere. */
  readonly key: string;
  /** Of a numbered training request; numbers are each model's own. */
  readonly numbered: { readonly modelId: string; readonly sequenceId: number } | undefined;
  readonly isProtobuf: boolean;
}

/** Replies of a server, by request. */
export interface RecordedReplies {
  readonly replies: ReadonlyMap<string, readonly Reply[]>;
  /** Routes that were asked, in their order. */
  readonly endpoints: readonly string[];
  /** All replies, with their endpoints. */
  readonly all: readonly { readonly endpoint: string; readonly reply: Reply }[];
}

/** An exchange of a replay, for the numbered requests. */
export interface Exchange extends SeenRequest {
  /** As it was answered; 0 where nobody can know. */
  readonly status: number;
}

const IDS = [
  'seq_id',
  'model_seq_id',
  'sampling_session_seq_id',
  'session_id',
  'model_id',
  'sampling_session_id',
];
const NUMBERED =
  /^POST (forward|forward_backward|optim_step|save_weights|save_weights_for_sampler|load_weights)$/;

/** Tells requests apart. */
export type Keys = ReturnType<typeof createKeys>;

/** Learns from recorded submissions what their futures are of. */
function createKeys() {
  const routes = new Map<string, string>();

  const see = async (request: Request): Promise<SeenRequest & { readonly name: string }> => {
    const { pathname, search, host } = new URL(request.url);
    const bytes = new Uint8Array(await request.clone().arrayBuffer());
    const isProtobuf = request.headers.get('content-type') === 'application/x-protobuf';
    const path = pathname.replace(/^.*\/api\/v1\//, '');
    const name = `${request.method} ${routeOf(path)}`;
    if (isProtobuf) {
      const { modelId, sequenceId = 0, data, forwardOnly } = decodeForwardBackwardRequest(bytes);
      const tokens = data.map(({ chunks }) =>
        chunks.flatMap((chunk) => ('tokens' in chunk ? [...chunk.tokens] : [])),
      );
      return {
        name,
        endpoint: name,
        key: passKey(forwardOnly, tokens),
        numbered: { modelId, sequenceId },
        isProtobuf,
      };
    }
    const body = jsonObject(bytes);
    if (path === 'retrieve_future') {
      const id = String(body['request_id']);
      const endpoint = `retrieve_future of ${routes.get(id) ?? 'another'}`;
      return { name, endpoint, key: `retrieve ${id}`, numbered: undefined, isProtobuf };
    }
    const numbered =
      NUMBERED.test(name) && 'model_id' in body
        ? { modelId: wellFormed(String(body['model_id'])), sequenceId: Number(body['seq_id']) }
        : undefined;
    const pass = (body['forward_input'] ?? body['forward_backward_input']) as PassInput | undefined;
    const range = request.headers.get('range') ?? '';
    const rest = Object.entries(body).filter(([field]) => !IDS.includes(field));
    const key =
      pass === undefined
        ? `${request.method} ${host} ${path}${search} ${range} ${JSON.stringify(rest)}`
        : passKey(
            'forward_input' in body,
            pass.data.map(({ model_input }) => model_input.chunks.flatMap(({ tokens }) => tokens)),
          );
    return { name, endpoint: name, key, numbered, isProtobuf };
  };

  return {
    see,
    /** The future of a submission, as its recorded reply names it. */
    learn({ name }: { readonly name: string }, reply: Reply): void {
      const { request_id } = jsonObject(reply.bytes);
      if (typeof request_id === 'string' && !name.endsWith('retrieve_future'))
        routes.set(request_id, name.replace('POST ', ''));
    },
  };
}

interface PassInput {
  readonly data: readonly {
    readonly model_input: { readonly chunks: readonly { readonly tokens: number[] }[] };
  }[];
}

const passKey = (isForward: boolean, tokens: readonly (readonly number[])[]): string =>
  `pass ${isForward} ${JSON.stringify(tokens)}`;

/** As protobuf has it: half of a surrogate pair has no bytes. */
function wellFormed(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

/** A path without the ids in it. */
function routeOf(path: string): string {
  return path
    .replace(/^(training_runs|sessions|samplers)\/[^/]+/, '$1/:id')
    .replace(/\/checkpoints\/(weights\/|sampler_weights\/)?[^/]+/, '/checkpoints/:id');
}

function jsonObject(bytes: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

/** A server that is written down while it answers. */
export function recordReplies(fetch: FetchLike): {
  readonly fetch: FetchLike;
  replies(): RecordedReplies;
  readonly keys: Keys;
} {
  const keys = createKeys();
  const replies = new Map<string, Reply[]>();
  const endpoints = new Set<string>();
  const all: { endpoint: string; reply: Reply }[] = [];
  return {
    keys,
    async fetch(request) {
      const seen = await keys.see(request);
      const response = await fetch(request);
      const bytes = new Uint8Array(await response.clone().arrayBuffer());
      const reply = { status: response.status, headers: Object.fromEntries(response.headers), bytes };
      keys.learn(seen, reply);
      replies.set(seen.key, [...(replies.get(seen.key) ?? []), reply]);
      endpoints.add(seen.endpoint);
      all.push({ endpoint: seen.endpoint, reply });
      return response;
    },
    replies: () => ({ replies, endpoints: [...endpoints], all }),
  };
}

/** What is done to the replies of a replay. */
export interface ReplayPlan {
  /** The endpoints whose replies are mutated. */
  readonly endpoints: readonly string[];
  /** The first request there only, the first time each request is made, always, or one time in four. */
  readonly extent: 'one' | 'each once' | 'all' | 'some';
  readonly random: RandomSource;
}

/** A server made of recorded replies. */
export interface Replay {
  readonly fetch: FetchLike;
  /** What was done, reply by reply. */
  readonly mutations: readonly string[];
  /** Keys of the requests whose replies were mutated. */
  readonly mutatedKeys: ReadonlySet<string>;
  readonly exchanges: readonly Exchange[];
}

const UNKNOWN: Reply = {
  status: 404,
  headers: { 'content-type': 'application/json' },
  bytes: new TextEncoder().encode('{"detail":"There is no such thing"}'),
};

/** Answer each request as it was recorded, the last reply of a key for ever; mutated where the plan says. */
export function replayReplies(
  { replies, all, keys }: RecordedReplies & { readonly keys: Keys },
  plan: ReplayPlan,
): Replay {
  const turns = new Map<string, number>();
  const mutations: string[] = [];
  const mutatedKeys = new Set<string>();
  const exchanges: Exchange[] = [];
  // What holds a token goes nowhere else: whoever gets it there cannot know that it is one. Nor does what holds a model's
  // id, which would be that of two models.
  const isOther = ({ endpoint, reply }: RecordedReplies['all'][number]): boolean =>
    (plan.endpoints.length > 1 || endpoint !== plan.endpoints[0]) &&
    !/"jwt"|"model_id"/.test(new TextDecoder().decode(reply.bytes));
  const others = all.filter(isOther).map(({ reply }) => reply);
  let fillers = 0;

  const isMutated = ({ endpoint }: SeenRequest, turn: number): boolean => {
    if (!plan.endpoints.includes(endpoint)) return false;
    if (plan.extent === 'some') return plan.random() < 0.25;
    if (plan.extent === 'all') return true;
    return turn === 0 && (plan.extent === 'each once' || mutatedKeys.size === 0);
  };
  const genuine = ({ name, key }: { readonly name: string; readonly key: string }, turn: number): Reply => {
    const recorded = replies.get(key);
    if (recorded !== undefined) return recorded[Math.min(turn, recorded.length - 1)] as Reply;
    if (!/^POST forward/.test(name)) return UNKNOWN;
    // A pass that fills a number, or part of one that is cut in another way.
    return {
      ...UNKNOWN,
      status: 200,
      bytes: new TextEncoder().encode(`{"request_id":"filler-${++fillers}"}`),
    };
  };

  return {
    mutations,
    mutatedKeys,
    exchanges,
    async fetch(request) {
      const seen = await keys.see(request);
      const turn = turns.get(seen.key) ?? 0;
      turns.set(seen.key, turn + 1);
      request.signal.throwIfAborted();
      const reply = genuine(seen, turn);
      if (!isMutated(seen, turn)) {
        exchanges.push({ ...seen, status: reply.status });
        return responseOf(reply);
      }
      mutatedKeys.add(seen.key);
      const mutated = mutateReply(reply, others, plan.random);
      mutations.push(`${seen.endpoint}: ${mutated.name}`);
      exchanges.push({ ...seen, status: mutated.status });
      return await mutated.give(request.signal);
    },
  };
}
