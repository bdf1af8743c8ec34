import { readFileSync } from 'node:fs';

/** What test/interop/python_names.py found in the official SDK. */
export interface PythonNames {
  readonly version: string;
  readonly exports: readonly string[];
  readonly types: readonly string[];
  /** Methods and properties, by class. */
  readonly clients: Readonly<Record<string, readonly string[]>>;
  /** Fields of messages, by class. */
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly commands: readonly string[];
}

/** The golden list. */
export function pythonNames(): PythonNames {
  const file = new URL('../golden/python-names.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as PythonNames;
}

/** A row of the README's tables of Python's names. */
export interface PythonRow {
  /** Head of the table, without its backticks. */
  readonly group: string;
  /** Names in Python. */
  readonly names: readonly string[];
  /** Counterparts here, as written: one for all names, or one for each. None: the note says why. */
  readonly here: readonly string[];
  /** `in camelCase` or `of the same name`, where that says it all. */
  readonly rule: string | undefined;
  readonly note: string;
  /** What the note has in backticks. */
  readonly mentioned: readonly string[];
}

const quoted = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);

/** The rows of all tables under "Coming from Python". */
export function pythonRows(readme: string): PythonRow[] {
  const [, section = ''] = /^## Coming from Python\n(.*?)^## /ms.exec(readme) ?? [];
  let group = '';
  return section.split('\n').flatMap((line) => {
    const [head] = /^\| .* \| here \| \|$/.exec(line) ?? [];
    if (head !== undefined) group = head.split(' | ')[0]?.replace(/^\| |`/g, '') ?? '';
    if (head !== undefined || !line.startsWith('| ')) return [];
    const [, names = '', here = '', note = ''] = line.split('|').map((cell) => cell.trim());
    const rule = /^(in camelCase|of the same name)$/.exec(here)?.[1];
    return [{ group, names: quoted(names), here: quoted(here), rule, note, mentioned: quoted(note) }];
  });
}

/** `loss_fn_inputs` as `lossFnInputs`. */
export function inCamelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
