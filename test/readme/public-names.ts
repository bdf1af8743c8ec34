import ts from 'typescript';
import { publicSurface } from '../architecture/public-entries.ts';

/** Whether names that the README gives are there. */
export interface PublicNames {
  /** `createEmulator`, or `TrainingClient.saveState`: an export, or a member of one. */
  has(name: string): boolean;
  /** Whether the type `name` has this property; a union has what any part of it has. */
  hasProperty(name: string, property: string): boolean;
  /** Whether anything has this name: an export, or a member of any. */
  knows(word: string): boolean;
}

/** Names that the entries export, and their members. */
export function publicNames(): PublicNames {
  const { checker, entries } = publicSurface();
  const exported = new Map<string, ts.Symbol>();
  for (const symbol of [...entries.values()].flat()) exported.set(symbol.name, symbol);

  function properties(name: string): ReadonlySet<string> {
    const symbol = exported.get(name);
    if (symbol === undefined) return new Set();
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    const types = type.isUnion() ? type.types : [type];
    // Functions beside a type of the same name, such as those of ModelInput.
    const isValue = (symbol.flags & ts.SymbolFlags.Value) !== 0;
    const all = [...types, ...(isValue ? [checker.getTypeOfSymbol(symbol)] : [])];
    return new Set(all.flatMap((one) => checker.getPropertiesOfType(one)).map((property) => property.name));
  }

  const members = new Set([...exported.keys()].flatMap((name) => [...properties(name)]));

  return {
    knows: (word) => exported.has(word) || members.has(word),
    has(name) {
      const [owner = '', member] = name.split('.');
      return member === undefined ? exported.has(owner) : properties(owner).has(member);
    },
    hasProperty: (name, property) => properties(name).has(property),
  };
}
