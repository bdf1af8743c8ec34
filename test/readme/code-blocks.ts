import { readFileSync } from 'node:fs';

/** The fenced blocks of the README in one language, in order. */
export function readmeBlocks(language: string): string[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  return [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, tag, code]) =>
    tag === language && code !== undefined ? [code] : [],
  );
}

/** The example that runs as it stands, and the line it says it prints. */
export function readmeExample(): { readonly code: string; readonly prints: string } {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [code] = readmeBlocks('js');
  const [, prints] = /^It prints `(.*)`$/m.exec(readme) ?? [];
  if (code === undefined || prints === undefined) throw new Error('The README has lost its example');
  return { code, prints };
}

/** The example of `isotinker/testing` that prints a line, and the line. */
export function testingExample(): { readonly code: string; readonly prints: string } {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const code = readmeBlocks('js').find((block) => block.includes('scriptedFetch'));
  const [, prints] = /^It prints `(token .*?)`/m.exec(readme) ?? [];
  if (code === undefined || prints === undefined)
    throw new Error('The README has lost its example of testing');
  return { code, prints };
}
