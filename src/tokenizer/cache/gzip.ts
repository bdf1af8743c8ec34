import { concatBytes } from '../../kernel/concat.ts';

/** Packed with gzip; `undefined` where the platform cannot. */
export async function gzipped(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (typeof (globalThis as { CompressionStream?: unknown }).CompressionStream !== 'function')
    return undefined;
  return through(bytes, new CompressionStream('gzip'), Number.POSITIVE_INFINITY);
}

/** Unpacked; fails for what is damaged, becomes longer than `size`, or where the platform cannot. */
export async function gunzipped(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  return through(bytes, new DecompressionStream('gzip'), size);
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: GenericTransformStream,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const writer = stream.writable.getWriter();
  const reader = (stream.readable as ReadableStream<Uint8Array>).getReader();
  // What is wrong with it comes out at the other end.
  const fed = Promise.allSettled([writer.write(bytes), writer.close()]);
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (let read = await reader.read(); read.value !== undefined; read = await reader.read()) {
      length += read.value.length;
      if (length > most) throw new Error('it is longer than it should be');
      parts.push(read.value);
    }
    return concatBytes(parts);
  } catch (error) {
    await Promise.allSettled([reader.cancel(), writer.abort()]);
    throw error;
  } finally {
    await fed;
  }
}
