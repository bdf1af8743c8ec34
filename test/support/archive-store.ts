import { answer, type RestServer, type SeenCall } from './rest.ts';

/** How one exchange with the store ends. */
export type BodyEnd = 'whole' | 'cut' | 'short' | 'silent';

/** One exchange with the store. */
export interface StorePlan {
  /** Answer this status instead of bytes. */
  readonly status?: number;
  /** Bytes sent before the end that is not `whole`, counted from where the answer begins. */
  readonly bytes?: number;
  readonly end?: BodyEnd;
  /** Changes to the headers; `null` takes one off. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** In place of the store's content. */
  readonly content?: Uint8Array<ArrayBuffer>;
}

/** A store behind a server of the API. */
export interface ArchiveStore {
  readonly server: RestServer;
  /** Ranges that were asked for, `undefined` for the whole; one for each exchange with the store. */
  readonly ranges: (string | undefined)[];
  /** Values of `if-range`, in the same order. */
  readonly conditions: (string | undefined)[];
  /** Exchanges with the store. */
  readonly exchanges: SeenCall[];
  /** Addresses given out. */
  readonly links: () => number;
  /** Bodies that nobody has read to their end, nor let go of. */
  readonly open: () => number;
}

/** How a store behaves. */
export interface StoreOptions {
  readonly content: Uint8Array<ArrayBuffer>;
  readonly etag?: string | undefined;
  /** `ignored`: always the whole. `hidden`: as a page of another origin sees it. @default 'served' */
  readonly ranges?: 'served' | 'ignored' | 'hidden' | undefined;
  /** Length of the pieces of a body. @default 7 */
  readonly piece?: number | undefined;
  /** Whether the size is told. @default true */
  readonly tellsSize?: boolean | undefined;
  /** By the number of the exchange, from 0. @default all whole */
  readonly plan?: ((exchange: number) => StorePlan | undefined) | undefined;
}

/** A server that gives addresses, each new, and the store they lead to. */
export function archiveStore(options: StoreOptions): ArchiveStore {
  const ranges: (string | undefined)[] = [];
  const conditions: (string | undefined)[] = [];
  const exchanges: SeenCall[] = [];
  let links = 0;
  let open = 0;

  const serve = (call: SeenCall): Response => {
    const range = call.headers.get('range') ?? undefined;
    const plan = options.plan?.(exchanges.length) ?? {};
    exchanges.push(call);
    ranges.push(range);
    conditions.push(call.headers.get('if-range') ?? undefined);
    const { content = options.content } = plan;
    if (plan.status !== undefined) return answer({ error: 'no' }, plan.status, textHeaders(plan));
    const isRange = range !== undefined && options.ranges !== 'ignored';
    const start = isRange ? Number(/^bytes=(\d+)-$/.exec(range)?.[1]) : 0;
    const headers = headersOf(options, plan, content, isRange ? start : undefined);
    if (isRange && start >= content.length) return new Response(null, { status: 416, headers });
    open += 1;
    const body = bodyOf(content.subarray(start), plan, options.piece ?? 7, () => {
      open -= 1;
    });
    return new Response(body, { status: isRange ? 206 : 200, headers });
  };

  return {
    server: (call) => {
      if (call.target.startsWith('https://store.test/')) return serve(call);
      return answer({ url: `https://store.test/archive?sig=SECRET-${++links}`, expires: 2_000_000_000 });
    },
    ranges,
    conditions,
    exchanges,
    links: () => links,
    open: () => open,
  };
}

function textHeaders({ headers = {} }: StorePlan): Record<string, string> {
  const kept = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(kept);
}

function headersOf(
  { etag, ranges, tellsSize = true }: StoreOptions,
  plan: StorePlan,
  content: Uint8Array,
  start: number | undefined,
): Headers {
  const headers = new Headers();
  const size = content.length;
  if (etag !== undefined) headers.set('etag', etag);
  if (tellsSize && (start ?? 0) < size) headers.set('content-length', String(size - (start ?? 0)));
  if (start !== undefined && ranges !== 'hidden') {
    const total = tellsSize || start >= size ? String(size) : '*';
    headers.set('content-range', start < size ? `bytes ${start}-${size - 1}/${total}` : `bytes */${total}`);
  }
  for (const [name, value] of Object.entries(plan.headers ?? {})) {
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  return headers;
}

function bodyOf(
  bytes: Uint8Array<ArrayBuffer>,
  { bytes: most = Number.POSITIVE_INFINITY, end = 'whole' }: StorePlan,
  piece: number,
  onClosed: () => void,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const sent = end === 'whole' ? bytes : bytes.subarray(0, most);
  let at = 0;
  let isClosed = false;
  const closed = (): void => {
    if (!isClosed) onClosed();
    isClosed = true;
  };
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        if (at < sent.length) {
          // A copy, as from a network: who keeps it keeps nothing else.
          controller.enqueue(sent.slice(at, at + piece));
          at += piece;
          return;
        }
        if (end === 'silent') return new Promise<void>(() => {});
        closed();
        if (end === 'cut') controller.error(new TypeError('terminated'));
        else controller.close();
        return;
      },
      cancel: closed,
    },
    { highWaterMark: 0 },
  );
}
