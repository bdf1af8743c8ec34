import type { EmulatorDialect } from './dialect.ts';
import type { Layer } from './exchange.ts';
import { editAnswer, editJson, type JsonObject } from './json-body.ts';

/** How a scheme writes `tinker://{run}/{kind}/{name}`, and how it is read back. */
interface PathScheme {
  outward(path: string): string;
  inward(path: string): string;
  /** Only what saves return is written so; lists have the usual paths. */
  readonly isOfSaves: boolean;
}

const FOLDER = '/srv/checkpoints/';

const SCHEMES: Readonly<Record<'kindless' | 'twinkle' | 'absolute', PathScheme>> = {
  kindless: {
    outward: (path) => path.replace(/^(tinker:\/\/[^/]+)\/sampler_weights\//, '$1/'),
    inward: (path) => path.replace(/^(tinker:\/\/[^/]+)\/([^/]+)$/, '$1/sampler_weights/$2'),
    isOfSaves: true,
  },
  twinkle: {
    outward: (path) => path.replace(/^tinker:/, 'twinkle:'),
    inward: (path) => path.replace(/^twinkle:/, 'tinker:'),
    isOfSaves: false,
  },
  absolute: {
    outward: (path) => path.replace(/^tinker:\/\//, FOLDER),
    inward: (path) => path.replace(FOLDER, 'tinker://'),
    isOfSaves: false,
  },
};

/** Fields that hold paths of checkpoints, in requests and answers. */
const FIELDS = ['path', 'model_path', 'tinker_path'];

/** Paths of checkpoints in the dialect's form. Without any (`null`) what is saved is found under its usual path. */
export function checkpointPaths({ paths }: EmulatorDialect): Layer | undefined {
  if (paths === 'tinker' || paths === 'null') return undefined;
  const { outward, inward, isOfSaves } = SCHEMES[paths];
  return (next) => async (exchange) => {
    const answer = await next(
      editJson(exchange, (body) => {
        const given = FIELDS.filter((name) => typeof body[name] === 'string');
        return given.length === 0
          ? body
          : { ...body, ...Object.fromEntries(given.map((name) => [name, inward(body[name] as string)])) };
      }),
    );
    if (isOfSaves && exchange.path !== 'retrieve_future') return answer;
    return editAnswer(answer, (body) => rewritten(body, outward) as JsonObject);
  };
}

function rewritten(value: unknown, outward: (path: string) => string, name = ''): unknown {
  if (typeof value === 'string') return FIELDS.includes(name) ? outward(value) : value;
  if (Array.isArray(value)) return value.map((item) => rewritten(item, outward));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]) => [field, rewritten(inner, outward, field)]),
  );
}
