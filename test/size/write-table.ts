import { readFileSync, writeFileSync } from 'node:fs';
import { blockIn, measureSizes, sizesBlock } from './table.ts';

// `npm run sizes`: measures what can be imported, and writes the table of the README.

const README = new URL('../../README.md', import.meta.url);

const text = readFileSync(README, 'utf8');
const block = sizesBlock(await measureSizes());
writeFileSync(
  README,
  text.replace(blockIn(text), () => block),
);
console.log(block);
