/** Bytes `start` to `end`, the end not included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * What a `Range` header asks of a body (RFC 9110, 14): one range of bytes; the whole body for what is absent, malformed,
 * of another unit or more than one, which a server may ignore; `unsatisfiable` where no byte lies in it.
 *
 * @param length - Of the whole body, in bytes.
 */
export function parseRange(header: string | null, length: number): ByteRange | 'whole' | 'unsatisfiable' {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return 'whole';
  if (first === '') {
    const suffix = Math.min(Number(last), length);
    return suffix === 0 ? 'unsatisfiable' : { start: length - suffix, end: length };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'whole';
  if (start >= length) return 'unsatisfiable';
  return { start, end: last === '' ? length : Math.min(Number(last) + 1, length) };
}

/** Answer with bytes, or with the part of them that the request asks for and still means (`If-Range`). */
export function serveBytes(
  request: Request,
  bytes: Uint8Array<ArrayBuffer>,
  headers: { readonly etag: string; readonly 'content-type': string; readonly [name: string]: string },
): Response {
  const ifRange = request.headers.get('if-range');
  const asked = ifRange === null || ifRange === headers.etag ? request.headers.get('range') : null;
  const range = parseRange(asked, bytes.length);
  const common = { ...headers, 'accept-ranges': 'bytes' };
  if (range === 'unsatisfiable') {
    return new Response(null, {
      status: 416,
      headers: { ...common, 'content-range': `bytes */${bytes.length}` },
    });
  }
  const { start, end } = range === 'whole' ? { start: 0, end: bytes.length } : range;
  const partial = { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` };
  return new Response(bytes.subarray(start, end), {
    status: range === 'whole' ? 200 : 206,
    headers: { ...common, 'content-length': String(end - start), ...(range === 'whole' ? {} : partial) },
  });
}
