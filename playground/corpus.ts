import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Datum, RandomSource } from 'isotinker';
import { byteTokenizer } from 'isotinker/emulator';
import { UsageError } from './options.ts';

/** Text as tokens, a part of it kept back to be judged by. */
export interface Corpus {
  /** What it is, in words. */
  readonly name: string;
  readonly training: Int32Array;
  readonly heldOut: Int32Array;
}

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** Share of the text that is never trained on. */
const HELD_OUT_SHARE = 0.1;

/** Read a file, or this project's README and sources. @throws UsageError - where there is nothing to learn from. */
export function readCorpus(file: string | undefined, windowLength: number): Corpus {
  const { name, text } = file === undefined ? projectText() : { name: file, text: readText(file) };
  const tokens = byteTokenizer.encode(text);
  const cut = Math.floor(tokens.length * (1 - HELD_OUT_SHARE));
  if (tokens.length - cut < windowLength + 1) {
    const least = Math.ceil((windowLength + 1) / HELD_OUT_SHARE);
    throw new UsageError(`${name} has ${tokens.length} bytes; training needs at least ${least}`);
  }
  return { name, training: tokens.subarray(0, cut), heldOut: tokens.subarray(cut) };
}

/** The text from `start` on, each token to be predicted from those before it, and each to count for `weight`. */
function windowAt(tokens: Int32Array, start: number, length: number, weight: number): Datum<'cross_entropy'> {
  return {
    modelInput: tokens.subarray(start, start + length),
    lossFnInputs: {
      target_tokens: tokens.subarray(start + 1, start + length + 1),
      weights: new Float32Array(length).fill(weight),
    },
  };
}

/** Windows from anywhere in the text; their losses sum up to the mean over all tokens. */
export function randomWindows(
  tokens: Int32Array,
  count: number,
  length: number,
  random: RandomSource,
): Datum<'cross_entropy'>[] {
  const starts = tokens.length - length;
  return Array.from({ length: count }, () =>
    windowAt(tokens, Math.floor(random() * starts), length, 1 / (count * length)),
  );
}

/** The same, evenly spread over the text: always the same ones. */
export function evenWindows(tokens: Int32Array, count: number, length: number): Datum<'cross_entropy'>[] {
  const starts = tokens.length - length;
  return Array.from({ length: count }, (_, index) =>
    windowAt(tokens, Math.floor((index * starts) / count), length, 1 / (count * length)),
  );
}

function projectText(): { readonly name: string; readonly text: string } {
  const sources = readdirSync(join(PROJECT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(PROJECT, 'src', file))
    .sort();
  const files = [join(PROJECT, 'README.md'), ...sources];
  // Every tenth file goes last, so that what is held back is like the rest and not the end of the alphabet.
  const ordered = [...files.filter((_, i) => i % 10 !== 9), ...files.filter((_, i) => i % 10 === 9)];
  const text = ordered
    .map((file) => `// ${relative(PROJECT, file)}\n${readFileSync(file, 'utf8')}`)
    .join('\n');
  return { name: `this project's README and src (${files.length} files)`, text };
}

function readText(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(code === 'ENOENT' ? `There is no file "${file}"` : `Cannot read "${file}": ${code}`);
  }
  if (text.trim() === '') throw new UsageError(`"${file}" is empty`);
  return text;
}
