import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { Example } from './example.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What only its platform declares, as far as blocks use it. */
const AMBIENT = `
declare const Deno: { openKv(): Promise<import('isotinker/storage/kv').DenoKeyValue> };
`;

/** What a strict compiler says of examples, by line of the README; they are TypeScript, all of them. */
export function typeErrors(examples: readonly Example[]): string[] {
  const { config } = ts.readConfigFile(`${ROOT}test/tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, `${ROOT}test`);
  const nameOf = (example: Example): string => `${ROOT}test/readme/README-${example.line}.ts`;
  const files = new Map([
    ...examples.map((example) => [nameOf(example), `${example.code}\nexport {};\n`] as const),
    [`${ROOT}test/readme/README-ambient.d.ts`, AMBIENT],
  ]);
  // What a project has that asks for `strict` and no more.
  const paths = { ...options.paths, 'cloudflare:workers': [`${ROOT}test/readme/cloudflare-workers.ts`] };
  const asUsersDo = { noUncheckedIndexedAccess: false, noPropertyAccessFromIndexSignature: false };
  const settings = { ...options, ...asUsersDo, paths, noUnusedLocals: false };
  const host = ts.createCompilerHost(settings);
  const { readFile, fileExists } = host;
  host.readFile = (name) => files.get(name) ?? readFile(name);
  host.fileExists = (name) => files.has(name) || fileExists(name);
  const read = host.getSourceFile;
  host.getSourceFile = (name, ...rest) => {
    const text = files.get(name);
    return text === undefined
      ? read(name, ...rest)
      : ts.createSourceFile(name, text, ts.ScriptTarget.ESNext, true);
  };
  const program = ts.createProgram([...files.keys()], settings, host);
  return examples.flatMap((example) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(nameOf(example)))
      .map(({ messageText, start, file }) => {
        const line = file?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0;
        const code = file?.text.split('\n')[line]?.trim();
        return `README:${example.line}: ${code}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
      }),
  );
}
