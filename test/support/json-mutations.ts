import type { RandomSource } from '../../src/index.ts';
import { NAMES, VALUES } from './json-values.ts';

/** JSON as text has it: members in order, any of them twice, `__proto__` among them; numbers and strings as written. */
export type JsonNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'list'; items: JsonNode[] }
  | { readonly kind: 'object'; members: [name: string, value: JsonNode][] };

/** Depth at which functions that call themselves run out of stack. */
const DEEP = 20_000;
/** Length of what is long. */
const LONG = 20_000;

/** One of several. */
export function pick<T>(items: readonly T[], random: RandomSource): T {
  return items[Math.floor(random() * items.length)] as T;
}

/** The tree of a JSON text. */
export function jsonTree(value: unknown): JsonNode {
  if (Array.isArray(value)) return { kind: 'list', items: value.map(jsonTree) };
  if (typeof value !== 'object' || value === null) return { kind: 'text', text: JSON.stringify(value) };
  return {
    kind: 'object',
    members: Object.entries(value).map(([name, member]) => [name, jsonTree(member)]),
  };
}

/** The text of a tree. */
export function jsonText(node: JsonNode): string {
  if (node.kind === 'text') return node.text;
  if (node.kind === 'list') return `[${node.items.map(jsonText).join(',')}]`;
  return `{${node.members.map(([name, value]) => `${JSON.stringify(name)}:${jsonText(value)}`).join(',')}}`;
}

/** A place in a tree: what is there, and how to put something else there. */
interface Place {
  readonly path: string;
  readonly node: JsonNode;
  put(node: JsonNode): void;
  /** Take it out; `undefined` for the root. */
  readonly drop: (() => void) | undefined;
  /** Put something beside it, under the same name where it has one. */
  readonly double: ((node: JsonNode) => void) | undefined;
  readonly rename: ((name: string) => void) | undefined;
}

/** All places of a tree; of long lists the first ones and the last. */
function placesOf(root: { node: JsonNode }): Place[] {
  const places: Place[] = [];
  const visit = (place: Place): void => {
    places.push(place);
    const { node, path } = place;
    if (node.kind === 'list') {
      for (const [index, item] of node.items.entries()) {
        if (index > 4 && index < node.items.length - 1) continue;
        visit({
          path: `${path}[${index}]`,
          node: item,
          put: (next) => void node.items.splice(index, 1, next),
          drop: () => void node.items.splice(index, 1),
          double: (next) => void node.items.splice(index, 0, next),
          rename: undefined,
        });
      }
    } else if (node.kind === 'object') {
      for (const member of node.members) {
        const at = (): number => node.members.indexOf(member);
        visit({
          path: `${path}.${member[0]}`,
          node: member[1],
          put: (next) => {
            member[1] = next;
          },
          drop: () => void node.members.splice(at(), 1),
          double: (next) => void node.members.splice(at() + 1, 0, [member[0], next]),
          rename: (name) => {
            member[0] = name;
          },
        });
      }
    }
  };
  visit({
    path: '$',
    node: root.node,
    put: (node) => {
      root.node = node;
    },
    drop: undefined,
    double: undefined,
    rename: undefined,
  });
  return places;
}

const text = (value: string): JsonNode => ({ kind: 'text', text: value });

/** Another value of any type, short or long, flat or deep. */
function otherValue(node: JsonNode, random: RandomSource): JsonNode {
  const dice = random();
  if (dice < 0.72) return text(pick(VALUES, random));
  if (dice < 0.76) return text(`${'['.repeat(DEEP)}${']'.repeat(DEEP)}`);
  if (dice < 0.8) return text(`${'{"a":'.repeat(DEEP)}0${'}'.repeat(DEEP)}`);
  if (dice < 0.83) return text(`"${'long '.repeat(LONG / 5)}"`);
  if (dice < 0.86) return text(`[${'0,'.repeat(LONG)}0]`);
  if (dice < 0.93) return { kind: 'list', items: [node] };
  return { kind: 'object', members: [[pick(NAMES, random), node]] };
}

/** What a text of JSON is as another type: numbers and flags in quotes, and quoted ones without. */
function requoted(node: JsonNode): JsonNode | undefined {
  if (node.kind !== 'text') return undefined;
  if (!node.text.startsWith('"')) return text(`"${node.text}"`);
  const inner = /^"(?:[a-z]+-)?(-?\d+)"$/.exec(node.text)?.[1];
  return inner === undefined ? undefined : text(String(Number(inner)));
}

/** A change of a place, and the places that it can be made at. */
interface Change {
  readonly name: string;
  fits(place: Place): boolean;
  apply(place: Place, random: RandomSource): void;
}

const anywhere = (): boolean => true;
const inContainers = ({ node }: Place): boolean => node.kind !== 'text';

const REPLACE: Change = {
  name: 'replace',
  fits: anywhere,
  apply: ({ node, put }, random) => put(otherValue(node, random)),
};

const CHANGES: readonly Change[] = [
  REPLACE,
  REPLACE,
  { name: 'null', fits: anywhere, apply: ({ put }) => put(text('null')) },
  { name: 'drop', fits: ({ drop }) => drop !== undefined, apply: ({ drop }) => drop?.() },
  {
    name: 'retype',
    fits: ({ node }) => requoted(node) !== undefined,
    apply: ({ node, put }) => put(requoted(node) ?? node),
  },
  {
    name: 'double',
    fits: ({ double }) => double !== undefined,
    apply: ({ node, double }, random) => double?.(random() < 0.3 ? node : otherValue(node, random)),
  },
  {
    name: 'rename',
    fits: ({ rename }) => rename !== undefined,
    apply: ({ rename }, random) => rename?.(pick(NAMES, random)),
  },
  {
    name: 'add',
    fits: inContainers,
    apply({ node }, random) {
      const value = otherValue(text('1'), random);
      if (node.kind === 'object') node.members.push([pick(NAMES, random), value]);
      else if (node.kind === 'list') node.items.push(value);
    },
  },
  {
    name: 'restructure',
    fits: inContainers,
    apply({ node, put }) {
      if (node.kind === 'object') put({ kind: 'list', items: node.members.map(([, value]) => value) });
      else if (node.kind === 'list')
        put({ kind: 'object', members: node.items.map((item, index) => [String(index), item]) });
    },
  },
  {
    name: 'shorten',
    fits: ({ node }) => node.kind === 'list' && node.items.length > 0,
    apply({ node }, random) {
      if (node.kind === 'list') node.items.length = Math.floor(random() * node.items.length);
    },
  },
];

/** A JSON text with one to three places changed, and what was changed. */
export function mutateJson(
  json: unknown,
  random: RandomSource,
): { readonly name: string; readonly text: string } {
  const root = { node: jsonTree(json) };
  const done: string[] = [];
  const wanted = random() < 0.8 ? 1 : 1 + Math.floor(random() * 3);
  while (done.length < wanted) {
    const place = pick(placesOf(root), random);
    const change = pick(CHANGES, random);
    if (!change.fits(place)) continue;
    change.apply(place, random);
    done.push(`${change.name} ${place.path}`);
  }
  return { name: done.join(', '), text: jsonText(root.node) };
}
