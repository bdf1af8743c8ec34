import { concatBytes } from '../../kernel/concat.ts';
import type { EmulatorDialect } from './dialect.ts';
import type { Answer, Exchange, Layer } from './exchange.ts';
import { editJson, jsonOf, problemAnswer } from './json-body.ts';
import { isProtobuf } from './pass-encoding.ts';

const PASSES = ['forward', 'forward_backward', 'optim_step'];
const WEIGHTS = ['save_weights', 'save_weights_for_sampler', 'load_weights'];

/** What is made of the numbers of requests: which ones are allowed, and what the same one means a second time. */
export function sequenceIds({ idempotency, ordering }: EmulatorDialect): Layer | undefined {
  if (idempotency === 'same-id-409' && ordering === 'any') return undefined;
  const seen = new Set<string>();
  let models = 0;

  // Models and samples: every request makes another.
  const knowsAgain = idempotency === 'same-id-409' || idempotency === 'same-id-422';

  /** Saves and loads have taken their effect, and are not known again (servers.md 1.1). */
  function repeated({ path }: Exchange, { model_id, seq_id, path: name }: Numbered): Answer | undefined {
    if (idempotency !== 'passes' || !seen.has(`${path} ${model_id} ${seq_id}`)) return undefined;
    if (path === 'load_weights') return loadRefused(seq_id);
    return problemAnswer(409, `Checkpoint '${name ?? `seq${seq_id}`}' already exists`);
  }

  return (next) => async (exchange) => {
    const { path } = exchange;
    if (!knowsAgain && path === 'create_model')
      return next(editJson(exchange, (body) => ({ ...body, model_seq_id: models++ })));
    if (!knowsAgain && path === 'asample') return next(unnumbered(exchange));
    if (!PASSES.includes(path) && !WEIGHTS.includes(path)) return next(exchange);
    const body = jsonOf(exchange) as Numbered | undefined;
    const refused = body && (disallowed(ordering, path, body) ?? repeated(exchange, body));
    if (refused !== undefined) return refused;
    const answer = await next(idempotency === 'none' ? unnumbered(exchange) : exchange);
    if (body !== undefined && !PASSES.includes(path) && answer.status < 300)
      seen.add(`${path} ${body.model_id} ${body.seq_id}`);
    return idempotency === 'same-id-422' && answer.status === 409 ? { ...answer, status: 422 } : answer;
  };
}

interface Numbered {
  readonly model_id?: unknown;
  readonly seq_id?: unknown;
  readonly path?: unknown;
  readonly session_id?: unknown;
  readonly [name: string]: unknown;
}

function disallowed(ordering: EmulatorDialect['ordering'], path: string, body: Numbered): Answer | undefined {
  const { seq_id: number, session_id: session } = body;
  if (ordering === 'load-first' && path === 'load_weights' && session === undefined && number !== 1)
    return loadRefused(number);
  const isNumber = Number.isSafeInteger(number) && (number as number) >= 1;
  if (ordering === 'numbered' && session === undefined && !isNumber)
    return problemAnswer(400, `seq_id must be an integer of at least 1, got ${JSON.stringify(number)}`);
  return undefined;
}

function loadRefused(number: unknown): Answer {
  return problemAnswer(400, `LoadWeights is not permitted with seq_id ${number}`);
}

/** Without a number a request is the next in line, whatever it repeats. */
function unnumbered(exchange: Exchange): Exchange {
  // In protobuf the last value of a field counts: number 0, which is none.
  if (isProtobuf(exchange))
    return { ...exchange, bytes: concatBytes([exchange.bytes, Uint8Array.of(0x10, 0)]) };
  return editJson(exchange, ({ seq_id: _, ...body }) => body);
}
