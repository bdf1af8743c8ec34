/** What browsers may send: the headers that servers of this protocol look at, and those that clients say of themselves. */
const ALLOWED_HEADERS = [
  'content-type',
  'accept',
  'content-encoding',
  'x-api-key',
  'authorization',
  'x-idempotency-key',
  'x-request-id',
  'range',
  'if-range',
];
const ALLOWED_FAMILIES = /^x-(tinker|stainless)-[a-z-]+$/;

/** What scripts may read of an answer. */
const EXPOSED_HEADERS = [
  'location',
  'expires',
  'retry-after',
  'retry-after-ms',
  'content-disposition',
  'content-range',
  'etag',
  'x-request-id',
  'x-queue-position',
  'x-queue-state',
];

/** How long a browser need not ask again, in seconds. */
const MAX_AGE_SECONDS = 600;

/**
 * A handler that browsers may use from other origins: it answers their preflights, and exposes what answers say in
 * headers (servers.md 2.1 item 43).
 *
 * @param origin - The one that may, or `*`.
 */
export function withCors(
  handle: (request: Request) => Promise<Response>,
  origin: string,
): (request: Request) => Promise<Response> {
  const allowed = { 'access-control-allow-origin': origin, vary: 'origin' };
  return async (request) => {
    const asked = request.headers.get('access-control-request-headers');
    if (request.method === 'OPTIONS' && request.headers.has('access-control-request-method')) {
      const families = (asked ?? '')
        .split(',')
        .map((name) => name.trim().toLowerCase())
        .filter((name) => ALLOWED_FAMILIES.test(name));
      return new Response(null, {
        status: 204,
        headers: {
          ...allowed,
          'access-control-allow-methods': 'GET, POST, PUT, DELETE',
          'access-control-allow-headers': [...ALLOWED_HEADERS, ...families].join(', '),
          'access-control-max-age': String(MAX_AGE_SECONDS),
        },
      });
    }
    const { body, status, headers } = await handle(request);
    return new Response(body, {
      status,
      headers: {
        ...Object.fromEntries(headers),
        ...allowed,
        'access-control-expose-headers': EXPOSED_HEADERS.join(', '),
      },
    });
  };
}
