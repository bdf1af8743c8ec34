import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { type PublicSurface, publicEntries, publicSurface } from './public-entries.ts';
import { ROOT } from './source-files.ts';

interface Reference {
  readonly entryPoints: readonly string[];
  readonly validation: Readonly<Record<string, boolean>>;
  readonly treatWarningsAsErrors: boolean;
  /** An error's literal `name`, and the table of error classes, say it all themselves. */
  readonly intentionallyNotDocumented: readonly string[];
}

const reference = JSON.parse(readFileSync(`${ROOT}test/reference/typedoc.json`, 'utf8')) as Reference;

const surface = publicSurface();

/** Exported names, and members of what they name, without a doc comment. */
function undocumented({ checker, entries }: PublicSurface): string[] {
  const hasDoc = (symbol: ts.Symbol): boolean =>
    symbol.getDocumentationComment(checker).length > 0 || symbol.getJsDocTags(checker).length > 0;
  return [...entries.values()].flat().flatMap((target) => {
    const members = [...(target.members?.values() ?? [])]
      .filter(({ flags }) => flags & (ts.SymbolFlags.Property | ts.SymbolFlags.Method))
      .filter((member) => !hasDoc(member))
      .map(({ name }) => `${target.name}.${name}`);
    return [...(hasDoc(target) ? [] : [target.name]), ...members];
  });
}

/** What a caller may leave out, without a word on what then holds. */
function withoutDefault({ checker, entries }: PublicSurface): string[] {
  const symbols = [...entries.values()].flat();
  // A result that is made of options, not an option.
  const given = symbols.filter(
    ({ name }) => /(Options|Params|Query|Request|Rates)$/.test(name) && name !== 'EnvOptions',
  );
  return given.flatMap(({ name, members }) =>
    [...(members?.values() ?? [])]
      .filter(({ flags }) => flags & ts.SymbolFlags.Optional)
      .filter((member) => !member.getJsDocTags(checker).some((tag) => tag.name === 'default'))
      .map((member) => `${name}.${member.name}`),
  );
}

it('every option that may be left out says what holds without it', () => {
  expect(withoutDefault(surface)).toEqual([]);
});

it('every public name, and every member of it, has a doc comment', () => {
  const evident = reference.intentionallyNotDocumented;
  expect(evident.filter((name) => !/\.(\w+Error\.name|TinkerErrorByCode\.\w+)$/.test(name))).toEqual([]);
  expect(undocumented(surface).sort()).toEqual(
    evident.map((name) => name.replace(/^isotinker[/\w]*\./, '')).sort(),
  );
});

it('every entry is in the reference, where typedoc looks deeper: npm run docs', () => {
  const { entryPoints, validation, treatWarningsAsErrors } = reference;
  expect(entryPoints.map((file) => file.replace('../../', '')).sort()).toEqual(publicEntries().sort());
  expect(validation).toMatchObject({ notExported: true, invalidLink: true, notDocumented: true });
  expect(treatWarningsAsErrors).toBe(true);
});
