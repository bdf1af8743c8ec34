/** A chunk of text tokens in a JSON body (protocol 4.8). */
export function textChunk(tokens: Int32Array): {
  readonly type: 'encoded_text';
  readonly tokens: readonly number[];
} {
  return { tokens: Array.from(tokens), type: 'encoded_text' };
}
