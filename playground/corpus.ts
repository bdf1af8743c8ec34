import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Datum, RandomSource, Tokenizer } from 'isotinker';
import { UsageError } from './options.ts';

/** What to learn from. */
export interface Source {
  /** What it is, in words. */
  readonly name: string;
  readonly text: string;
}

/** Text as tokens, a part of it kept back to be judged by. */
export interface Corpus {
  readonly training: Int32Array;
  readonly heldOut: Int32Array;
}

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** Share of the text that is never trained on. */
const HELD_OUT_SHARE = 0.1;

/** Read a file, or this project's README and sources. @throws UsageError - where there is nothing to learn from. */
export function readSource(file: string | undefined, windowLength: number): Source {
  const source = file === undefined ? projectText() : { name: file, text: readText(file) };
  // No tokenizer makes more tokens than there are bytes: too few are told of before anything is sent.
  checkSize(source.name, `${Buffer.byteLength(source.text)} bytes`, windowLength);
  return source;
}

/** The tokens of a text, as the model has them. @throws UsageError - where they are too few. */
export function tokenize({ name, text }: Source, tokenizer: Tokenizer, windowLength: number): Corpus {
  const tokens = tokenizer.encode(text);
  checkSize(name, `${tokens.length} tokens`, windowLength);
  const cut = Math.floor(tokens.length * (1 - HELD_OUT_SHARE));
  return { training: tokens.subarray(0, cut), heldOut: tokens.subarray(cut) };
}

function checkSize(name: string, size: string, windowLength: number): void {
  const least = Math.ceil((windowLength + 1) / HELD_OUT_SHARE);
  if (Number.parseInt(size, 10) < least)
    throw new UsageError(`${name} has ${size}; training needs at least ${least} tokens`);
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

function projectText(): Source {
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
