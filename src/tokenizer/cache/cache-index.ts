import { decodeUtf8, encodeUtf8 } from '../../kernel/bytes.ts';
import type { Storage } from '../../storage/storage.ts';

/** What is kept, and when it was last used, in one row: stores have no listing. */
export const INDEX_KEY = 'isotinker:v1:tokenizer:index';

/** Newer uses than this are not written down, in milliseconds: order among files matters, not the minute. */
const COARSE_MS = 3_600_000;

/** Sizes of values in bytes, by key. */
export type EntrySizes = ReadonlyMap<string, number>;

interface Row {
  readonly size: number;
  readonly usedAt: number;
}

interface StoredRows {
  readonly version: unknown;
  readonly rows: readonly { readonly key: unknown; readonly size: unknown; readonly usedAt: unknown }[];
}

/**
 * Note that values are used, and those that are new; what was lost from the row comes back with its next use.
 *
 * @returns Keys that have to go, so that all values together have no more than `maxBytes`: those unused for longest. They
 *   are out of the row already.
 */
export async function noteUse(
  storage: Storage,
  used: EntrySizes,
  { now, maxBytes }: { readonly now: number; readonly maxBytes: number },
): Promise<readonly string[]> {
  const isNews = (rows: ReadonlyMap<string, Row>): boolean =>
    total(rows) > maxBytes ||
    [...used].some(([key, size]) => {
      const row = rows.get(key);
      return row === undefined || row.size !== size || Math.abs(now - row.usedAt) >= COARSE_MS;
    });
  if (!isNews(readRows(await storage.get(INDEX_KEY)))) return [];
  let evicted: readonly string[] = [];
  await change(storage, (rows) => {
    for (const [key, size] of used) rows.set(key, { size, usedAt: now });
    evicted = surplus(rows, used, maxBytes);
    for (const key of evicted) rows.delete(key);
  });
  return evicted;
}

function surplus(rows: ReadonlyMap<string, Row>, used: EntrySizes, maxBytes: number): readonly string[] {
  let left = total(rows);
  const evicted: string[] = [];
  const lastUsed = ([key, { usedAt }]: readonly [string, Row]): number =>
    used.has(key) ? Number.POSITIVE_INFINITY : usedAt;
  for (const [key, { size }] of [...rows].sort((a, b) => (lastUsed(a) < lastUsed(b) ? -1 : 1))) {
    if (left <= maxBytes) break;
    evicted.push(key);
    left -= size;
  }
  return evicted;
}

function total(rows: ReadonlyMap<string, Row>): number {
  return [...rows.values()].reduce((sum, { size }) => sum + size, 0);
}

/** As one step where the store has such a thing. */
async function change(storage: Storage, edit: (rows: Map<string, Row>) => void): Promise<void> {
  const next = (current: Uint8Array<ArrayBuffer> | undefined): Uint8Array => {
    const rows = readRows(current);
    edit(rows);
    return encodeUtf8(JSON.stringify({ version: 1, rows: [...rows].map(([key, row]) => ({ key, ...row })) }));
  };
  if (storage.update !== undefined) await storage.update(INDEX_KEY, next);
  else await storage.set(INDEX_KEY, next(await storage.get(INDEX_KEY)));
}

/** Whatever cannot be read is as if it were not there. */
function readRows(value: Uint8Array | undefined): Map<string, Row> {
  const rows = new Map<string, Row>();
  try {
    const stored = (value === undefined ? undefined : JSON.parse(decodeUtf8(value))) as
      | StoredRows
      | undefined;
    for (const { key, size, usedAt } of stored?.version === 1 ? stored.rows : []) {
      const isSize = Number.isSafeInteger(size) && Number(size) >= 0;
      if (typeof key === 'string' && isSize && Number.isFinite(usedAt)) {
        rows.set(key, { size: Number(size), usedAt: Number(usedAt) });
      }
    }
  } catch {
    // The row is only a help: values are found without it.
  }
  return rows;
}
