import { readFileSync } from 'node:fs';

/** A fenced block of the README, and what is said of it. */
export interface ReadmeBlock {
  /** The word behind the fence. */
  readonly language: string;
  readonly code: string;
  /** Line of the README where its code begins. */
  readonly line: number;
  /** "It prints `…`" below it, or "It prints:" and a `text` block: all of its standard output. */
  readonly prints: string | undefined;
  /** "It ends with the error `…`" below it; `…` in it stands for anything. */
  readonly fails: string | undefined;
  /** Its first line is `// Continues the block above`: it needs what that one made. */
  readonly isContinuation: boolean;
}

const FENCED = /^```(\w*)\n(.*?)^```$/gms;

/** The README. */
export function readmeText(): string {
  return readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
}

/** The fenced blocks of a text in Markdown, in order. */
export function codeBlocks(markdown: string): ReadmeBlock[] {
  return [...markdown.matchAll(FENCED)].map(({ 0: whole, 1: language = '', 2: code = '', index }) => {
    const below = markdown.slice(index + whole.length);
    return {
      language,
      code,
      line: markdown.slice(0, index).split('\n').length + 1,
      prints: printed(below),
      fails: /^\n\nIt ends with the error `([^`]+)`/.exec(below)?.[1],
      isContinuation: code.startsWith('// Continues the block above'),
    };
  });
}

function printed(below: string): string | undefined {
  const [, line] = /^\n\nIt prints `([^`]+)`/.exec(below) ?? [];
  const [, lines] = /^\n\nIt prints:\n\n```text\n(.*?)\n```/s.exec(below) ?? [];
  return line ?? lines;
}

/** A block that prints a line, by a word in it. */
function printingBlock(word: string): { readonly code: string; readonly prints: string } {
  const block = codeBlocks(readmeText()).find(({ code }) => code.includes(word));
  if (block?.prints === undefined || block.isContinuation)
    throw new Error(`The README has lost its example with ${word}`);
  return { code: block.code, prints: block.prints };
}

/** The example that runs as it stands, and the line it says it prints. */
export function readmeExample(): { readonly code: string; readonly prints: string } {
  return printingBlock('To be, or not to be');
}

/** The example of `isotinker/testing` that prints a line, and the line. */
export function testingExample(): { readonly code: string; readonly prints: string } {
  return printingBlock('scriptedFetch');
}
