/** How much one request may carry. */
export interface ChunkLimits {
  /** Most items of one chunk; below 1 counts as 1. */
  readonly maxItems: number;
  /** Most bytes of one chunk; a single item may be larger. */
  readonly maxBytes: number;
  /** Most tokens of one chunk; a single item may have more. @default no limit */
  readonly maxTokens?: number | undefined;
}

/**
 * Cut a batch into as few requests as its order and the limits allow (protocol 5.4 step 1): each chunk takes items
 * until the next would break a limit. No chunk is empty, an item larger than a limit is a chunk of its own, and no
 * items make no chunks.
 *
 * @param sizeOf - Bytes of an item, estimated; asked once for each.
 * @param tokensOf - Its tokens; asked once for each.
 */
export function splitIntoChunks<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  limits: ChunkLimits,
  tokensOf: (item: T) => number = () => 0,
): T[][] {
  const { maxItems, maxBytes, maxTokens = Number.POSITIVE_INFINITY } = limits;
  const chunks: T[][] = [];
  let chunk: T[] = [];
  let bytes = 0;
  let tokens = 0;
  for (const item of items) {
    const [size, length] = [sizeOf(item), tokensOf(item)];
    const isFull = bytes + size > maxBytes || tokens + length > maxTokens || chunk.length + 1 > maxItems;
    if (chunks.length === 0 || isFull) {
      chunk = [];
      chunks.push(chunk);
      bytes = 0;
      tokens = 0;
    }
    chunk.push(item);
    bytes += size;
    tokens += length;
  }
  return chunks;
}
