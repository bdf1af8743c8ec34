import { checkInteger } from '../../kernel/checks.ts';
import { TinkerResponseError } from '../../kernel/errors.ts';
import type { CallOptions } from '../../operations/scope.ts';
import type { ReadPage } from '../../wire/json/rest-runs.ts';
import type { Cursor } from '../../wire/types/rest.ts';

/** Which part of a list a page is. */
export interface PagePosition {
  /** Most items of a page, from 1 on. @default as the list was asked for */
  readonly limit?: number | undefined;
  /** Items to pass over. @default as the list was asked for */
  readonly offset?: number | undefined;
}

/** A part of a list. */
export interface Page<T> {
  /** In the server's order. */
  readonly items: readonly T[];
  /** Where the page stands; `undefined` where the server does not tell. */
  readonly cursor: Cursor | undefined;
  /** Where the next page begins; `undefined` after the last one. */
  readonly nextOffset: number | undefined;
}

/**
 * A list that the server gives page by page. `for await` goes through all items, each once, and asks for a page when it
 * is needed: so `break` asks for no more, and items that come in at the front meanwhile shift nothing into a second
 * turn. Each loop begins anew. The options of the call hold for each page; an abort ends the loop with its reason.
 */
export interface Pages<T> extends AsyncIterable<T> {
  /** One page. @throws TinkerInputError - for a position that cannot be right. */
  page(position?: PagePosition, options?: CallOptions): Promise<Page<T>>;
}

/** What a list is made of. */
export interface PageSource<T> {
  /** Where it begins, and how long its pages are. */
  readonly start: { readonly limit: number; readonly offset: number };
  /** What tells one item from another. */
  readonly key: (item: T) => string;
  readonly fetch: (
    position: { readonly limit: number; readonly offset: number },
    options: CallOptions,
  ) => Promise<ReadPage<T>>;
  /** Of the call that made the list. */
  readonly options: CallOptions;
}

/** Pages in a row without anything new after which a list is at its end, or its server does not page. */
const MOST_REPEATED_PAGES = 3;

/** A list over a paged route. Asks for nothing before it is read. */
export function createPages<T>({ start, key, fetch, options }: PageSource<T>): Pages<T> {
  async function* all(): AsyncGenerator<T, void, undefined> {
    const seen = new Set<string>();
    let first: string | undefined;
    let repeated = 0;
    for (let offset: number | undefined = start.offset; offset !== undefined; ) {
      const page = await pageAt({ limit: start.limit, offset }, options);
      const keys = page.items.map(key);
      const mark = JSON.stringify(keys);
      first ??= mark;
      const known = seen.size;
      for (const [index, item] of page.items.entries()) {
        const id = keys[index] ?? '';
        if (seen.has(id)) continue;
        seen.add(id);
        options.signal?.throwIfAborted();
        yield item;
      }
      repeated = keys.length > 0 && seen.size === known ? repeated + 1 : 0;
      offset = repeated < MOST_REPEATED_PAGES ? page.nextOffset : undefined;
      // An item that came in at the front pushes one over a page's border: that is seen again once, not to the end.
      if (offset === undefined && repeated > 0 && mark === first) {
        throw new TinkerResponseError(
          `The server sends the same page again and again: it does not heed "offset"; ${seen.size} items came`,
          { hint: 'Ask for one page that is long enough: page({ limit })' },
        );
      }
    }
  }

  async function pageAt(
    position: { readonly limit: number; readonly offset: number },
    call: CallOptions,
  ): Promise<Page<T>> {
    const { items, cursor } = await fetch(position, call);
    return { items, cursor, nextOffset: nextOffset(position, items.length, cursor) };
  }

  return {
    [Symbol.asyncIterator]: all,
    page: async (position = {}, call = options) =>
      pageAt(checkedPosition({ ...start, ...definedOf(position) }), call),
  };
}

/** A list that comes whole. */
export function createWholeList<T>(
  fetch: (options: CallOptions) => Promise<ReadPage<T>>,
  options: CallOptions,
): WholeList<T> {
  const page = async (call: CallOptions = options): Promise<Page<T>> => ({
    ...(await fetch(call)),
    nextOffset: undefined,
  });
  return {
    page,
    async *[Symbol.asyncIterator]() {
      for (const item of (await page()).items) {
        options.signal?.throwIfAborted();
        yield item;
      }
    },
  };
}

/** A list that the server gives as one page. */
export interface WholeList<T> extends AsyncIterable<T> {
  /** All of it. */
  page(options?: CallOptions): Promise<Page<T>>;
}

/** A position that can be asked for. @throws TinkerInputError */
export function checkedPosition(position: { readonly limit: number; readonly offset: number }): {
  readonly limit: number;
  readonly offset: number;
} {
  return {
    limit: checkInteger('limit', position.limit, { min: 1 }),
    offset: checkInteger('offset', position.offset, { min: 0 }),
  };
}

/**
 * Where the next page begins: behind what came, because servers send less than asked for, too. With a cursor as long as
 * the list goes on (protocol 7), without one until a page is short; one that is longer than asked for is all there is.
 */
function nextOffset(
  { limit, offset }: { readonly limit: number; readonly offset: number },
  count: number,
  cursor: Cursor | undefined,
): number | undefined {
  if (count === 0) return undefined;
  const reached = offset + count;
  const goesOn = cursor === undefined ? count === limit : reached < cursor.totalCount;
  return goesOn ? reached : undefined;
}

/** Without what is undefined, so that a default shows through. */
function definedOf({ limit, offset }: PagePosition): { limit?: number; offset?: number } {
  return { ...(limit === undefined ? {} : { limit }), ...(offset === undefined ? {} : { offset }) };
}
