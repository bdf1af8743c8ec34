/**
 * JSON text of a value that came from outside, for a message or a label; `undefined` where there is none: of what is no
 * JSON, and of what is nested so deep that the engine runs out of stack.
 */
export function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** At most so many characters of a text, and a sign where some are missing. */
export function clipped(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
