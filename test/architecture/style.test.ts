import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { filesUnder, parse, ROOT } from './source-files.ts';

const FILES = filesUnder('src');

/** Globals of the platform, and the file (or files) through which each may be reached. */
const SEAMS: Readonly<Record<string, string>> = {
  'Date.now': 'src/kernel/clock.ts',
  'performance.now': 'src/kernel/clock.ts',
  'new Date': 'src/kernel/clock.ts',
  setTimeout: 'src/kernel/clock.ts',
  clearTimeout: 'src/kernel/clock.ts',
  setImmediate: 'src/kernel/clock.ts',
  setInterval: 'nowhere',
  queueMicrotask: 'nowhere',
  'Math.random': 'src/kernel/random.ts',
  crypto: 'src/kernel/random.ts src/kernel/digest.ts',
  fetch: 'src/transport/platform-fetch.ts src/tokenizer/hub/load-options.ts',
  'AbortSignal.any': 'nowhere',
  'AbortSignal.timeout': 'nowhere',
  // Typed by the WebWorker library, but not there on every target.
  indexedDB: 'src/storage/indexeddb.ts',
  self: 'nowhere',
  location: 'nowhere',
  caches: 'nowhere',
  importScripts: 'nowhere',
  XMLHttpRequest: 'nowhere',
  // Only for its locks.
  navigator: 'src/tokenizer/hub/web-locks.ts',
};

/** Functions whose last bits differ between engines (perf.md 3.5): not in the model. */
const INEXACT =
  /^Math\.(exp|expm1|log|log1p|log2|log10|sin|cos|tan|tanh|sinh|cosh|atan|atan2|pow|cbrt|hypot)$/;

/** Uses of platform globals in a file: `setTimeout` called or handed on, `Date.now`, `new Date`. */
function globalsOf(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const isValue = (node: ts.Identifier): boolean => {
    const { parent } = node;
    if (ts.isPropertyAccessExpression(parent) && parent.name === node)
      return parent.expression.getText() === 'globalThis';
    if (ts.isPropertyAssignment(parent) && parent.name === node) return false;
    if (ts.isTypeNode(parent) || ts.isTypeQueryNode(parent) || ts.isQualifiedName(parent)) return false;
    return (
      !ts.isDeclarationStatement(parent) &&
      !(('name' in parent && parent.name === node) as boolean) &&
      !ts.isBindingElement(parent)
    );
  };
  // A local binding of the same name shadows the global.
  const locals = new Set<string>();
  const bind = (node: ts.Node): void => {
    if (ts.isBindingElement(node) || ts.isParameter(node) || ts.isVariableDeclaration(node)) {
      if (ts.isIdentifier(node.name)) locals.add(node.name.text);
    }
    ts.forEachChild(node, bind);
  };
  bind(source);
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node)) found.push(node.getText().replace(/^globalThis\./, ''));
    else if (ts.isNewExpression(node)) found.push(`new ${node.expression.getText()}`);
    if (ts.isIdentifier(node) && isValue(node) && !locals.has(node.text)) found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Statements of a module that do something when it is loaded. */
function effectsOf(source: ts.SourceFile): string[] {
  const isInert = (node: ts.Expression | undefined): boolean => {
    if (node === undefined || ts.isLiteralExpression(node) || ts.isIdentifier(node)) return true;
    if (ts.isArrowFunction(node) || ts.isFunctionExpression(node) || ts.isRegularExpressionLiteral(node))
      return true;
    if (ts.isAsExpression(node) || ts.isParenthesizedExpression(node) || ts.isSatisfiesExpression(node))
      return isInert(node.expression);
    if (ts.isPrefixUnaryExpression(node)) return isInert(node.operand);
    if (ts.isBinaryExpression(node)) return isInert(node.left) && isInert(node.right);
    if (ts.isArrayLiteralExpression(node)) return node.elements.every(isInert);
    if (ts.isPropertyAccessExpression(node)) return isInert(node.expression);
    if (ts.isTemplateExpression(node))
      return node.templateSpans.every(({ expression }) => isInert(expression));
    if (ts.isObjectLiteralExpression(node)) {
      return node.properties.every((property) =>
        ts.isPropertyAssignment(property) ? isInert(property.initializer) : !ts.isSpreadAssignment(property),
      );
    }
    const text = node.getFullText();
    if (ts.isCallExpression(node) || ts.isNewExpression(node)) return text.includes('@__PURE__');
    return node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword;
  };
  return source.statements.flatMap((statement) => {
    if (ts.isVariableStatement(statement)) {
      const isConst = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0;
      const inert = statement.declarationList.declarations.every(({ initializer }) => isInert(initializer));
      return isConst && inert ? [] : [statement.getText().slice(0, 80)];
    }
    const isDeclaration =
      ts.isImportDeclaration(statement) ||
      ts.isExportDeclaration(statement) ||
      ts.isFunctionDeclaration(statement) ||
      ts.isClassDeclaration(statement) ||
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement);
    return isDeclaration ? [] : [statement.getText().slice(0, 80)];
  });
}

/** Exported declarations without a doc comment, and members of exported interfaces likewise left to guess. */
function undocumented(source: ts.SourceFile): string[] {
  return source.statements.flatMap((statement) => {
    const isExported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) === true;
    if (!isExported) return [];
    const [overloadOf] = 'name' in statement ? [(statement.name as ts.Identifier | undefined)?.text] : [];
    const isLaterOverload =
      ts.isFunctionDeclaration(statement) &&
      source.statements.some(
        (other) =>
          ts.isFunctionDeclaration(other) && other.pos < statement.pos && other.name?.text === overloadOf,
      );
    const isDocumented = ts.getJSDocCommentsAndTags(statement).length > 0;
    return isDocumented || isLaterOverload ? [] : [statement.getText().slice(0, 60)];
  });
}

function functionLengths(source: ts.SourceFile): { readonly at: string; readonly lines: number }[] {
  const lengths: { at: string; lines: number }[] = [];
  const lineAt = (position: number): number => source.getLineAndCharacterOfPosition(position).line;
  const visit = (node: ts.Node): void => {
    // A factory is as long as its methods together; they are measured one by one.
    const body = ts.isFunctionLike(node) && 'body' in node ? (node.body as ts.Node | undefined) : undefined;
    const nested = body === undefined ? 0 : innerLines(body, lineAt);
    if (body !== undefined) {
      lengths.push({
        at: `line ${lineAt(node.getStart()) + 1}`,
        lines: lineAt(node.end) - lineAt(node.getStart()) + 1 - nested,
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return lengths;
}

function innerLines(body: ts.Node, lineAt: (position: number) => number): number {
  let lines = 0;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) lines += Math.max(0, lineAt(node.end) - lineAt(node.getStart()));
    else ts.forEachChild(node, visit);
  };
  ts.forEachChild(body, visit);
  return lines;
}

const parsed = (code: string): ts.SourceFile =>
  ts.createSourceFile('x.ts', code, ts.ScriptTarget.Latest, true);

describe('style', () => {
  it.each(FILES)('%s reaches clocks, timers, randomness and fetch only through their seams', (file) => {
    const strays = globalsOf(parse(file)).filter(
      (name) => name in SEAMS && SEAMS[name]?.split(' ').includes(file) !== true,
    );
    expect(strays).toEqual([]);
  });

  it.each(FILES.filter((file) => file.startsWith('src/emulator/')))(
    '%s computes with exact functions only',
    (file) => {
      expect(globalsOf(parse(file)).filter((name) => INEXACT.test(name))).toEqual([]);
    },
  );

  it.each(FILES)('%s does nothing when it is loaded', (file) => {
    expect(effectsOf(parse(file))).toEqual([]);
  });

  it.each(FILES)('%s documents what it exports', (file) => {
    expect(undocumented(parse(file))).toEqual([]);
  });

  it.each(FILES)('%s is short, and so are its functions', (file) => {
    const source = parse(file);
    expect(readFileSync(ROOT + file, 'utf8').split('\n').length).toBeLessThanOrEqual(251);
    expect(functionLengths(source).filter(({ lines }) => lines > 60)).toEqual([]);
  });

  it('notices each kind of stray', () => {
    const code =
      'setTimeout(f, 1); const t = { a: Date.now }; globalThis.fetch(x); new Date(); AbortSignal.any([]); g(crypto);';
    const found = globalsOf(parsed(code));
    expect(
      ['setTimeout', 'Date.now', 'fetch', 'new Date', 'AbortSignal.any', 'crypto'].filter(
        (name) => !found.includes(name),
      ),
    ).toEqual([]);
    expect(globalsOf(parsed('const { fetch } = options; fetch(request); o.fetch(x);'))).not.toContain(
      'fetch',
    );
  });

  it('notices effects at module scope', () => {
    expect(effectsOf(parsed('let n = 0;'))).toHaveLength(1);
    expect(effectsOf(parsed('const m = new Map();'))).toHaveLength(1);
    expect(effectsOf(parsed('start();'))).toHaveLength(1);
    expect(effectsOf(parsed('const s = /* @__PURE__ */ lazy(() => 1); export const a = [1, -2];'))).toEqual(
      [],
    );
  });

  it('notices a missing doc comment', () => {
    expect(undocumented(parsed('export const a = 1;'))).toHaveLength(1);
    expect(undocumented(parsed('/** A. */ export const a = 1;'))).toEqual([]);
  });
});

describe('tests', () => {
  // The clock's own tests replace the platform's timers; the last one writes programs that run on their own.
  const EXEMPT = [
    'test/unit/kernel/clock.test.ts',
    'test/unit/testing/virtual-clock.test.ts',
    'test/integration/process-life.test.ts',
  ];
  const files = [...filesUnder('test/unit'), ...filesUnder('test/integration')].filter(
    (file) => !EXEMPT.includes(file),
  );

  it.each(files)('%s neither sleeps nor times on a real clock, nor fakes timers or modules', (file) => {
    const text = readFileSync(ROOT + file, 'utf8');
    expect(
      text.match(
        /\b(setTimeout|setInterval)\(|Date\.now\(|performance\.now\(|\bvi\.(useFakeTimers|setSystemTime|mock|doMock)\(/g,
      ),
    ).toBeNull();
  });
});
