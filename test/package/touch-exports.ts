import ts from 'typescript';

// Written from the declarations themselves, so that a new export is covered without anybody thinking of it.

/** The entry points of the installed package: the specifier and its declarations. */
export type Entries = ReadonlyMap<string, string>;

/** A program that names every export of every entry, and how many those are. */
export function touchExports(entries: Entries): { readonly text: string; readonly count: number } {
  const options: ts.CompilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const program = ts.createProgram([...entries.values()], options);
  const checker = program.getTypeChecker();
  let count = 0;
  const texts = [...entries].map(([specifier, file], e) => {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    const exported = module === undefined ? [] : checker.getExportsOfModule(module);
    if (exported.length === 0) throw new Error(`${file} exports nothing`);
    count += exported.length;
    const lines = exported.map((symbol) => touch(checker, symbol, `entry${e}`));
    return [
      `import * as entry${e} from '${specifier}';`,
      `export * as again${e} from '${specifier}';`,
      ...lines,
    ].join('\n');
  });
  return { text: `${texts.join('\n')}\n`, count };
}

function touch(checker: ts.TypeChecker, symbol: ts.Symbol, entry: string): string {
  const { name } = symbol;
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const lines: string[] = [];
  if (target.flags & ts.SymbolFlags.Value) lines.push(`export const ${entry}_${name} = ${entry}.${name};`);
  if (target.flags & ts.SymbolFlags.Type) {
    const needed = neededParameters(target);
    lines.push(
      needed === undefined
        ? `export type ${entry}_${name}_ = ${entry}.${name};`
        : // Type parameters with bounds of their own: `never` is within each.
          `export type ${entry}_${name}_ = ${entry}.${name}<${needed.map(() => 'never').join(', ')}>;`,
    );
  }
  if (lines.length === 0) throw new Error(`${name} is neither a value nor a type`);
  return lines.join('\n');
}

/** Type parameters without a default; `undefined` where there are none. */
function neededParameters(symbol: ts.Symbol): readonly ts.TypeParameterDeclaration[] | undefined {
  const parameters = (symbol.declarations ?? []).flatMap((declaration) =>
    ts.isTypeAliasDeclaration(declaration) || ts.isInterfaceDeclaration(declaration)
      ? [...(declaration.typeParameters ?? [])]
      : [],
  );
  const needed = parameters.filter((parameter) => parameter.default === undefined);
  return needed.length === 0 ? undefined : needed;
}
