import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { ROOT } from './source-files.ts';

/** The sources of the entries that package.json promises, from the repository's root. */
export function publicEntries(): string[] {
  const { exports } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as {
    exports: Record<string, string | { types: string }>;
  };
  return Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [entry.types.replace(/^\.\/dist\/(.*)\.d\.ts$/, 'src/$1.ts')],
  );
}

/** What the entries export, as the compiler sees it. */
export interface PublicSurface {
  readonly checker: ts.TypeChecker;
  /** By entry, in the order of package.json: what each exported name stands for. */
  readonly entries: ReadonlyMap<string, readonly ts.Symbol[]>;
}

/** Compile the entries. @throws Error - where one is not a module. */
export function publicSurface(): PublicSurface {
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const files = publicEntries();
  const program = ts.createProgram(
    files.map((file) => ROOT + file),
    options,
  );
  const checker = program.getTypeChecker();
  const entries = files.map((entry) => {
    const file = program.getSourceFile(ROOT + entry);
    const module = file && checker.getSymbolAtLocation(file);
    if (module === undefined) throw new Error(`${entry} is not there, or exports nothing`);
    const targets = checker
      .getExportsOfModule(module)
      .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol));
    return [entry, targets] as const;
  });
  return { checker, entries: new Map(entries) };
}
