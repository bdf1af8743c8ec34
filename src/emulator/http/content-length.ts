/** Statuses whose answers have no body, and so no length (RFC 9110, 8.6). */
const WITHOUT_BODY = [204, 304];

/**
 * A handler whose answers say how long they are. A server may else send them in pieces, and then the official client takes
 * a 400 for a proxy's, and repeats the request (protocol 1.7).
 */
export function withContentLength(
  handle: (request: Request) => Promise<Response>,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const response = await handle(request);
    const { status } = response;
    if (WITHOUT_BODY.includes(status)) return response;
    const body = new Uint8Array(await response.arrayBuffer());
    const headers = new Headers(response.headers);
    headers.set('content-length', String(body.length));
    return new Response(body.length === 0 ? null : body, { status, headers });
  };
}
