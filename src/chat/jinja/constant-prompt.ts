import type { TemplateNode } from './template.ts';

const ASKS = 'add_generation_prompt';

/**
 * Whether what makes the model answer is the same behind all messages: it is written after the last loop, under
 * conditions that nothing in the template sets and no message decides. `false` only means that nobody knows.
 */
export function hasConstantPrompt(body: readonly TemplateNode[]): boolean {
  const last = body.map(({ type }) => type).lastIndexOf('For');
  const before = namesIn(body.slice(0, last + 1));
  const set = new Set([...targetsIn(body), 'messages', 'loop']);
  return (
    last !== -1 &&
    !before.has(ASKS) &&
    body.slice(last + 1).every((node) => {
      if (node.type === 'StringLiteral' || node.type === 'Comment') return true;
      return node.type === 'If' && [...namesIn(node)].every((name) => !set.has(name));
    })
  );
}

/** All names that are read or set. */
function namesIn(value: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  visit(value, (node) => {
    if (node.type === 'Identifier') names.add(String(node.value));
  });
  return names;
}

/** All names that are set. */
function targetsIn(value: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  visit(value, (node) => {
    const target = { Set: 'assignee', For: 'loopvar', Macro: 'name' }[node.type];
    if (target === undefined) return;
    for (const name of namesIn((node as unknown as Record<string, unknown>)[target])) names.add(name);
  });
  return names;
}

function visit(value: unknown, see: (node: TemplateNode) => void): void {
  if (value instanceof Map || Array.isArray(value)) {
    for (const item of value instanceof Map ? [...value].flat() : value) visit(item, see);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  see(value as TemplateNode);
  for (const child of Object.values(value)) visit(child, see);
}
