/** The fields of a body, of which any, or all, may be missing; what is no object has none. */
export function asRecord(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}
