import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The repository's root, with a trailing slash. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One import or re-export of a source file. */
export interface Import {
  readonly specifier: string;
  readonly isTypeOnly: boolean;
  /** Names bound by `{ … }`; empty for `* as` and side effects. */
  readonly names: readonly string[];
}

/** Every TypeScript file under `folder`, relative to the root. */
export function filesUnder(folder: string): string[] {
  return readdirSync(ROOT + folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`)
    .sort();
}

/** A file as a syntax tree. */
export function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(ROOT + file, 'utf8'), ts.ScriptTarget.Latest, true);
}

/** What a file imports, dynamic imports included. */
export function importsOf(source: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const visit = (node: ts.Node): void => {
    if (
      ts.isImportDeclaration(node) ||
      (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined)
    ) {
      found.push(readImport(node));
    }
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      found.push({
        specifier: node.arguments[0]?.getText().slice(1, -1) ?? '',
        isTypeOnly: false,
        names: [],
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function readImport(node: ts.ImportDeclaration | ts.ExportDeclaration): Import {
  const specifier = (node.moduleSpecifier as ts.StringLiteral).text;
  const bindings = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause;
  const elements =
    bindings && (ts.isNamedImports(bindings) || ts.isNamedExports(bindings)) ? [...bindings.elements] : [];
  const isWholeTypeOnly = ts.isImportDeclaration(node)
    ? node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
    : node.isTypeOnly;
  const isTypeOnly =
    isWholeTypeOnly || (elements.length > 0 && elements.every((element) => element.isTypeOnly));
  return { specifier, isTypeOnly, names: elements.map((element) => element.name.text) };
}
