import { type Bundle, measure } from './bundle.ts';
import { PARTS, type Part } from './parts.ts';

/** What the table has beside the parts: other packages, for comparison. */
const OTHERS = {
  packages: `
    import ky from 'ky';
    import pLimit from 'p-limit';
    import * as z from 'zod/mini';
    export { ky, pLimit };
    export const schemas = [z.looseObject, z.array, z.catchall, z.custom, z.nullable, z.nullish];`,
  openai: `
    import OpenAI from 'openai';
    const client = new OpenAI({ apiKey: 'key' });
    export const answer = client.chat.completions.create({ model: 'm', messages: [] });`,
};

/** What the block in the README is found by. */
const MARKS = { start: '<!-- sizes:start -->', end: '<!-- sizes:end -->' };

/** A part, and how large it is. */
export interface MeasuredPart {
  readonly part: Part;
  readonly bundle: Bundle;
}

/** All that is measured. */
export interface Sizes {
  readonly parts: readonly MeasuredPart[];
  readonly others: Readonly<Record<keyof typeof OTHERS, Bundle>>;
}

/** Measure everything. Takes two seconds or so. */
export async function measureSizes(): Promise<Sizes> {
  const [parts, packages, openai] = await Promise.all([
    Promise.all(PARTS.map(async (part) => ({ part, bundle: await measure(part.code) }))),
    measure(OTHERS.packages),
    measure(OTHERS.openai),
  ]);
  return { parts, others: { packages, openai } };
}

/** The README's table, with the lines that it is found by. */
export function sizesBlock({ parts, others }: Sizes): string {
  return [
    MARKS.start,
    'In kB of 1,000 bytes, as esbuild bundles it for browsers (minified, `gzip -9`), with the packages that are needed. What is',
    'not imported is not in the bundle; a test holds each line to its size (`npm run sizes` writes them). It is measured with the',
    'sources; `npm run test:package` holds what is published to the same sizes, and half a hundredth.',
    '',
    '| what is imported, alone | minified | gzip | of it ours | packages in it | goal |',
    '|---|---:|---:|---:|---|---:|',
    ...parts.map(({ part, bundle }) => row(part.name, bundle, part.goal)),
    row('`ky`, `p-limit` and what is used of `zod/mini`, by themselves', others.packages),
    row('`openai` 6, for `chat.completions.create`', others.openai),
    '',
    ...limits(parts, others.packages),
    MARKS.end,
  ].join('\n');
}

/** Layers of the library that a client is made of. */
const LAYERS = ['kernel', 'storage', 'wire', 'policy', 'transport', 'operations', 'client'];

/** Why goals are missed. */
function limits(parts: readonly MeasuredPart[], packages: Bundle): readonly string[] {
  const sampling = parts.find(({ part }) => part.code.includes('createSamplingService'))?.bundle;
  const shares = LAYERS.map((layer) => `\`${layer}\` ${kilobytes(sampling?.layers.get(layer) ?? 0)}`);
  return [
    'The goals that are missed were set before most of the client was there, and are out of reach without taking something',
    `away. The packages alone are ${kilobytes(packages.gzipBytes)} kB of the 18 for sampling. The rest is spread over all layers (minified kB:`,
    `${shares.join(', ')}):`,
    'retries, pauses, limits, circuits, polling, sessions, tokens, budgets, checks before sending and on receipt, and errors in',
    'words that help. What is an option cannot be left out by a bundler: circuits, a store, a budget. In the two KV stores the',
    'larger part keeps writes in order and a second apart (Cloudflare), and values in pieces of which no reader sees half (Deno).',
  ];
}

/** The block as a text has it now. @throws Error - where it has none. */
export function blockIn(text: string): string {
  const start = text.indexOf(MARKS.start);
  const end = text.indexOf(MARKS.end);
  if (start === -1 || end < start) throw new Error(`The README has no ${MARKS.start} before ${MARKS.end}`);
  return text.slice(start, end + MARKS.end.length);
}

function row(name: string, bundle: Bundle, goal?: number): string {
  const { minifiedBytes, gzipBytes, ownGzipBytes, packages } = bundle;
  const cells = [
    name,
    kilobytes(minifiedBytes),
    kilobytes(gzipBytes),
    // Next to nothing: no code of ours.
    ownGzipBytes < 200 && packages.length > 0 ? '' : kilobytes(ownGzipBytes),
    packages.join(', ') || 'none',
    goal === undefined ? '' : `${kilobytes(goal)}${gzipBytes > goal ? ' (missed)' : ''}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Kilobytes of 1,000 bytes, to a tenth; of what is small to a hundredth. */
function kilobytes(bytes: number): string {
  return (bytes / 1_000).toFixed(bytes > 0 && bytes < 2_000 ? 2 : 1);
}
