import { withTemporaryFolder } from '../runtimes/temporary-folder.ts';
import { type Bench, median, type Row } from './bench.ts';
import { type RuntimeProgram, runForJson, runtimePrograms } from './runtime-programs.ts';
import {
  FORMS,
  type Form,
  programOf,
  type StartupReport,
  SUBJECTS,
  type Subject,
  workerOf,
  writePrograms,
} from './startup-programs.ts';
import { withWorker } from './worker-process.ts';

const ROUNDS = 9;

/** What is measured of a subject, in each round. */
interface Measures {
  readonly coldMs: number[];
  readonly importMs: number[];
  readonly createMs: number[];
}

const measuresOf = (): Readonly<Record<Subject, Measures>> => {
  const none = (): Measures => ({ coldMs: [], importMs: [], createMs: [] });
  return { 'ky + zod/mini': none(), isotinker: none() };
};

export const startup: Bench = {
  name: 'startup',
  title:
    'The whole package beside ky, zod/mini and one schema, both from one minified file or from `node_modules`. "import": of\n' +
    '`import()` in the process; "cold start": from the start of the process to its end, with a client made; in workerd to the\n' +
    `first answer. Medians of ${ROUNDS} interleaved rounds, each a process of its own. "create": \`createServiceClient\` for the\n` +
    "first time, as a share of the base's import.",
  run: () =>
    withTemporaryFolder('bench', async (folder) => {
      await writePrograms(folder);
      const programs = await runtimePrograms();
      const rows: Row[] = [];
      for (const program of programs)
        for (const form of FORMS) rows.push(rowOf(program.name, form, await measure(program, form, folder)));
      // Where nothing could be installed there is no workerd either.
      if (programs.length > 1) rows.push(rowOf('workerd', 'bundled', await measureWorkers(folder)));
      return rows;
    }),
};

async function measure(program: RuntimeProgram, form: Form, folder: string) {
  const measures = measuresOf();
  // The first round is for the caches of files.
  for (let round = -1; round < ROUNDS; round++) {
    for (const subject of SUBJECTS) {
      const startedAt = performance.now();
      const report = await runForJson<StartupReport>(program, programOf(folder, form, subject));
      if (round < 0) continue;
      measures[subject].coldMs.push(performance.now() - startedAt);
      measures[subject].importMs.push(report.importMs);
      measures[subject].createMs.push(report.createMs);
    }
  }
  return measures;
}

async function measureWorkers(folder: string) {
  const measures = measuresOf();
  for (let round = -1; round < ROUNDS; round++) {
    for (const subject of SUBJECTS) {
      const startedAt = performance.now();
      const ms = await withWorker(workerOf(folder, subject), async (ask) => {
        await ask('/');
        return performance.now() - startedAt;
      });
      if (round >= 0) measures[subject].coldMs.push(ms);
    }
  }
  return measures;
}

function rowOf(
  runtime: string,
  form: Form,
  { isotinker: own, 'ky + zod/mini': base }: Readonly<Record<Subject, Measures>>,
): Row {
  const isImported = own.importMs.length > 0;
  const ratio = (numbers: readonly number[], others: readonly number[]): number =>
    median(numbers) / median(others);
  return {
    runtime,
    form,
    'import ×': isImported ? ratio(own.importMs, base.importMs) : '',
    'cold start ×': ratio(own.coldMs, base.coldMs),
    'create / import': isImported ? ratio(own.createMs, base.importMs) : '',
    'base import ms': isImported ? median(base.importMs) : '',
    'base cold ms': median(base.coldMs),
  };
}
