import ts from 'typescript';
import { expect, it } from 'vitest';
import { ROOT } from './source-files.ts';

const ENTRIES = [
  'src/index.ts',
  'src/env.ts',
  'src/chat/index.ts',
  'src/emulator/index.ts',
  'src/storage/indexeddb.ts',
  'src/storage/kv.ts',
  'src/testing/index.ts',
  'src/tokenizer/index.ts',
  'src/tokenizer/tiktoken.ts',
].map((file) => ROOT + file);

/** An error's literal `name`, and the table of error classes, say it all themselves. */
const SELF_EVIDENT = /^(\w+Error\.name|TinkerErrorByCode\..*)$/;

/** Exported names, and members of what they name, without a doc comment. */
function undocumented(): string[] {
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const program = ts.createProgram(ENTRIES, options);
  const checker = program.getTypeChecker();
  const hasDoc = (symbol: ts.Symbol): boolean =>
    symbol.getDocumentationComment(checker).length > 0 || symbol.getJsDocTags(checker).length > 0;
  return ENTRIES.flatMap((entry) => {
    const file = program.getSourceFile(entry);
    const module = file && checker.getSymbolAtLocation(file);
    expect(module).toBeDefined();
    return (module === undefined ? [] : checker.getExportsOfModule(module)).flatMap((symbol) => {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const members = [...(target.members?.values() ?? [])]
        .filter(({ flags }) => flags & (ts.SymbolFlags.Property | ts.SymbolFlags.Method))
        .filter((member) => !hasDoc(member))
        .map(({ name }) => `${target.name}.${name}`);
      return [...(hasDoc(target) ? [] : [target.name]), ...members];
    });
  });
}

it('every public name, and every member of it, has a doc comment', () => {
  expect(undocumented().filter((name) => !SELF_EVIDENT.test(name))).toEqual([]);
}, 60_000);
