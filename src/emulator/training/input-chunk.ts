import { concatInt32 } from '../../kernel/concat.ts';
import { type OperationFailure, userFailure } from '../futures/operation-failure.ts';
import { type Fields, fieldsOf, readNumbers } from '../http/fields.ts';
import { problem } from '../http/http.ts';

/** A piece of a `ModelInput` (protocol 4.8). The model of this emulator reads text alone. */
export type InputChunk =
  | { readonly type: 'encoded_text'; readonly tokens: Int32Array }
  | { readonly type: 'image' | 'image_asset_pointer' | 'dmel' };

/** Read the chunks of a `ModelInput` in JSON; a chunk without `type` is text. @throws HttpProblem 422 */
export function readJsonChunks(input: Fields, at: string): InputChunk[] {
  return input.list('chunks').map((value, index): InputChunk => {
    const where = `${at}.chunks[${index}]`;
    const chunk = fieldsOf(value, where);
    const type = chunk.optionalText('type') ?? 'encoded_text';
    if (type === 'encoded_text') return { type, tokens: readTokens(chunk.list('tokens'), `${where}.tokens`) };
    if (type !== 'image' && type !== 'image_asset_pointer' && type !== 'dmel')
      throw problem(422, `${where}.type is "${type}", which is no kind of chunk`);
    chunk.text(type === 'dmel' ? 'dmel' : type === 'image' ? 'data' : 'location');
    return { type };
  });
}

/** Token ids of 32 bits. @throws HttpProblem 422 */
export function readTokens(values: readonly unknown[], at: string): Int32Array {
  const numbers = readNumbers(values, at);
  const wrong = numbers.findIndex((value) => value !== (value | 0));
  if (wrong >= 0) throw problem(422, `${at}[${wrong}] is ${numbers[wrong]}, which is no token id`);
  return Int32Array.from(numbers);
}

/** The tokens of text chunks, joined; a failure to be told by the operation's future where there is another kind. */
export function tokensOf(chunks: readonly InputChunk[], at: string): Int32Array | OperationFailure {
  const tokens: Int32Array[] = [];
  for (const [index, chunk] of chunks.entries()) {
    if (chunk.type !== 'encoded_text')
      return userFailure(`${at}.chunks[${index}] is of the kind "${chunk.type}"; this model reads text only`);
    tokens.push(chunk.tokens);
  }
  const [only] = tokens;
  if (only !== undefined && tokens.length === 1) return only;
  return concatInt32(tokens);
}
