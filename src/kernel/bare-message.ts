/** What was said of a failure, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What was said of a failure without the advice at its end, to be quoted in another message. */
export function bareMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { hint } = error as { readonly hint?: unknown };
  const end = `. ${hint}`;
  return typeof hint === 'string' && error.message.endsWith(end)
    ? error.message.slice(0, -end.length)
    : error.message;
}
