import { writeFileSync } from 'node:fs';

/** Numbers of one name: rows of hexadecimal bit patterns, or of words. */
export interface Check {
  readonly kind: 'float32' | 'float64' | 'metrics' | 'whole' | 'words';
  readonly rows: readonly (readonly string[])[];
}

/** What came out of one run, by name. */
export type Checks = Readonly<Record<string, Check>>;

/** Log-probabilities, or none of them. */
type Row = Iterable<number> | undefined;

/** What came out, with every bit of every number, for the comparison with the other side. */
export interface Recorder {
  /** Numbers of 32 bits. */
  floats(name: string, rows: Iterable<Row>): void;
  /** Numbers of 64 bits. */
  doubles(name: string, values: Iterable<number | undefined>): void;
  /** Metrics, with their names. */
  metrics(name: string, rows: Iterable<Readonly<Record<string, number>>>): void;
  /** Whole numbers. */
  wholes(name: string, rows: Iterable<Iterable<number>>): void;
  /** Text, truth and lack of a value. */
  words(name: string, values: Iterable<unknown>): void;
  /** Write it down, in JSON. */
  write(path: string): void;
}

/** An empty record. */
export function createRecorder(): Recorder {
  const checks: Record<string, Check> = {};
  const put = (name: string, kind: Check['kind'], rows: Iterable<readonly string[]>): void => {
    if (Object.hasOwn(checks, name)) throw new Error(`${name} is recorded twice`);
    checks[name] = { kind, rows: [...rows] };
  };
  return {
    floats: (name, rows) =>
      put(
        name,
        'float32',
        Array.from(rows, (row) => Array.from(row ?? [], bits32)),
      ),
    doubles: (name, values) =>
      put(
        name,
        'float64',
        Array.from(values, (value) => [bits64(value)]),
      ),
    metrics: (name, rows) =>
      put(
        name,
        'metrics',
        Array.from(rows, (row) =>
          Object.keys(row)
            .sort()
            .map((key) => `${key}=${bits64(row[key])}`),
        ),
      ),
    wholes: (name, rows) =>
      put(
        name,
        'whole',
        Array.from(rows, (row) => Array.from(row, String)),
      ),
    words: (name, values) =>
      put(
        name,
        'words',
        Array.from(values, (value) => [String(value ?? 'none')]),
      ),
    write: (path) => writeFileSync(path, JSON.stringify(checks)),
  };
}

function bits32(value: number): string {
  if (Number.isNaN(value)) return 'none';
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return view.getUint32(0).toString(16).padStart(8, '0');
}

function bits64(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return 'none';
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return view.getBigUint64(0).toString(16).padStart(16, '0');
}
