import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** What a published file imports. */
export function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  // Finds imports of types too, but loses its way in some regular expressions; parsing does not.
  const found = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  const { statements } = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const parsed = statements.flatMap((statement) => {
    const isImport = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
    const from = isImport ? statement.moduleSpecifier : undefined;
    return from !== undefined && ts.isStringLiteral(from) ? [from.text] : [];
  });
  return [...new Set([...found, ...parsed])];
}

/** The packages a published file imports. */
export function packagesOf(file: string): string[] {
  return importsOf(file).filter((name) => !name.startsWith('.'));
}

/** A published file, and all of its own that it imports. */
export function reachedFrom(entry: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const name of importsOf(file).filter((name) => name.startsWith('.'))) visit(join(file, '..', name));
  };
  visit(entry);
  return reached;
}
