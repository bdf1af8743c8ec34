import ts from 'typescript';

/** All that is allowed: the clock uses immediates where the platform has them. */
const KNOWN: readonly string[] = ['src/kernel/clock.ts: setImmediate'];

/** Globals that are not the web platform's, or that some platforms refuse. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'process',
  'Buffer',
  'require',
  '__dirname',
  '__filename',
  'setImmediate',
  'eval',
  'Function',
]);

/**
 * What in a bundle would not run everywhere: mentions of Node's modules and globals, code made of text, and imports that
 * are left. As `module: what`, but for what is known.
 */
export function faultsOfBundle(script: string): readonly string[] {
  const source = ts.createSourceFile('bundle.js', script, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  const found: string[] = [];
  const walk = (node: ts.Node): void => {
    const fault = faultOf(node);
    if (fault !== undefined) found.push(`${moduleAt(script, node.getStart(source))}: ${fault}`);
    ts.forEachChild(node, walk);
  };
  walk(source);
  return [...new Set(found)].filter((fault) => !KNOWN.includes(fault));
}

function faultOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return `the import ${node.getText()}`;
  if (node.kind === ts.SyntaxKind.ImportKeyword) return 'an import at run time';
  if (ts.isMetaProperty(node) && node.name.text === 'meta') return 'import.meta';
  if ((ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) && node.text.startsWith('node:'))
    return `"${node.text}"`;
  if (ts.isElementAccessExpression(node) && isGlobalThis(node.expression)) {
    const name = node.argumentExpression;
    return ts.isStringLiteralLike(name) && FORBIDDEN.has(name.text) ? name.text : undefined;
  }
  if (ts.isIdentifier(node) && FORBIDDEN.has(node.text) && isReference(node)) return node.text;
  return undefined;
}

/** Whether it stands for a variable, not for a property or a type of that name; `globalThis.process` is one all the same. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return isGlobalThis(parent.expression);
  return !(
    (ts.isPropertyAssignment(parent) || ts.isMethodDeclaration(parent) || ts.isBindingElement(parent)) &&
    (parent.name === node || ('propertyName' in parent && parent.propertyName === node))
  );
}

function isGlobalThis(node: ts.Expression): boolean {
  return ts.isIdentifier(node) && node.text === 'globalThis';
}

/** The bundler writes the path of each module above what it contributes. */
function moduleAt(script: string, position: number): string {
  const paths = script.slice(0, position).match(/^ *\/\/ \S+\.[cm]?[jt]s$/gm) ?? [];
  return paths.at(-1)?.replace(/^ *\/\/ /, '') ?? 'the bundle';
}
