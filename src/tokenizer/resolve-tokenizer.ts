import { checkRecord, checkText, show } from '../kernel/checks.ts';
import { TinkerInputError } from '../kernel/errors.ts';
import type { TokenizerReference } from './tokenizer.ts';

/** Where a tokenizer is. */
export interface TokenizerLocation {
  /** Repository of the hub, e.g. `Qwen/Qwen3-8B`; or `bytes`, the emulator's, which needs no files. */
  readonly id: string;
  /** Commit that it is pinned to. @default its main branch */
  readonly revision?: string | undefined;
}

/** Id of the emulator's tokenizer: `byteTokenizer`. */
export const BYTES = 'bytes';

/** Models of the emulator are named like this one: `emulator/tiny`. */
const EMULATED = 'emulator/';

/** Tokenizers that the service pins: what they are trained with must not change under them. */
const PINNED: Readonly<Record<string, TokenizerLocation>> = {
  'moonshotai/Kimi-K2-Thinking': {
    id: 'moonshotai/Kimi-K2-Thinking',
    revision: '612681931a8c906ddb349f8ad0f582cb552189cd',
  },
  'moonshotai/Kimi-K2.5': {
    id: 'moonshotai/Kimi-K2.5',
    revision: '4d01dfe0332d63057c186e0b262165819efb6611',
  },
  'moonshotai/Kimi-K2.5-Text-Only': {
    id: 'moonshotai/Kimi-K2.5',
    revision: '4d01dfe0332d63057c186e0b262165819efb6611',
  },
  'moonshotai/Kimi-K2.6': {
    id: 'moonshotai/Kimi-K2.6',
    revision: 'b5aabbfb20227ed42becbf5541dbffd213942c58',
  },
};

const OWN = 'Give a loadTokenizer of your own that returns the tokenizer of this model';

/**
 * Where the tokenizer of a model is, by what a server says of the model, as the official SDK finds it (protocol 5.13).
 * Asks nobody.
 *
 * @throws TinkerInputError - for one that no hub has: a path on the server, or a package that is not published.
 */
export function resolveTokenizer(reference: TokenizerReference): TokenizerLocation {
  checkRecord('reference', reference, 'an object with a modelName');
  const id = idOf(reference);
  if (id === BYTES || id.startsWith(EMULATED)) return { id: BYTES };
  checkRepository(id);
  return (Object.hasOwn(PINNED, id) ? PINNED[id] : undefined) ?? { id };
}

/** A repository that may be on a hub. @throws TinkerInputError */
function checkRepository(value: unknown): string {
  const id = checkText('tokenizer', value);
  refusePath(id);
  if (/^(TML|thinkingmachines)\//.test(id)) {
    throw new TinkerInputError('tokenizer', `is ${show(id)}, of a package that is not published`, {
      hint: OWN,
    });
  }
  const segments = id.split('/');
  const isName = (segment: string): boolean => /^[\w.-]+$/.test(segment) && !/^\.+$/.test(segment);
  if (segments.length <= 2 && segments.every(isName)) return id;
  throw new TinkerInputError('tokenizer', `must be a repository like "Qwen/Qwen3-8B", got ${show(id)}`, {
    hint: OWN,
  });
}

function idOf({ modelName, tokenizerId }: TokenizerReference): string {
  if (tokenizerId !== undefined && tokenizerId !== null) return checkText('tokenizerId', tokenizerId);
  refusePath(checkText('modelName', modelName));
  const [name = ''] = modelName.split(':', 1);
  if (name.startsWith('meta-llama/Llama-3')) return 'thinkingmachineslabinc/meta-llama-3-instruct-tokenizer';
  const segments = name.split('/');
  return segments.length === 3 ? segments.slice(0, 2).join('/') : checkText('modelName', name);
}

/** Some servers name a folder of theirs. */
function refusePath(id: string): void {
  if (!/^([/\\~]|\.{1,2}([/\\]|$)|[a-z]:[/\\]|file:)/i.test(id)) return;
  throw new TinkerInputError('tokenizer', `is ${show(id)}, a path on the server's own disk`, { hint: OWN });
}
