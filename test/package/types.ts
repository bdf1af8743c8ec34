import { copyFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runProgram } from '../support/command.ts';
import type { TypeResult } from './check-types.ts';
import { type Consumer, copyInto, entriesOf, ROOT } from './consumer.ts';
import { demand, demandNone, type Report } from './report.ts';
import { toolPath } from './tool.ts';
import { touchExports } from './touch-exports.ts';
import { combinationsOf, TYPESCRIPTS } from './type-matrix.ts';

/** A program that reads fewer of the package's files has lost its way to them. */
const LEAST_DECLARATIONS = 4;

/** Consumers' programs compile, whatever they are compiled with. */
export async function checkTypes(consumer: Consumer, report: Report): Promise<void> {
  const project = join(consumer.folder, 'types');
  const installed = copyInto(project, consumer);
  const fixtures = join(ROOT, 'test/package/fixture');
  for (const file of readdirSync(fixtures)) copyFileSync(join(fixtures, file), join(project, file));
  const workers = dirname(toolPath('@cloudflare/workers-types/package.json'));
  symlinkSync(dirname(workers), join(project, 'node_modules/@cloudflare'));

  const entries = [...entriesOf(installed, consumer.manifest)];
  const { text, count } = touchExports(
    new Map(entries.map(([name, { declarations }]) => [name, declarations])),
  );
  writeFileSync(join(project, 'touched.ts'), text);
  await report.check(`${count} exports of ${entries.length} entries are touched`, () => {
    demand(count > 250, 'there were more');
  });

  const { code, stdout, stderr } = await runProgram('test/package/check-types.ts', [project, ...TYPESCRIPTS]);
  const results = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TypeResult);
  for (const { name, declarations, errors } of results) {
    await report.check(`it compiles with ${name}`, () => {
      demandNone('errors', errors);
      demand(declarations >= LEAST_DECLARATIONS, `only ${declarations} files of declarations were read`);
    });
  }
  await report.check('no combination of types was left out', () => {
    demand(code === 0, stderr);
    const wanted = TYPESCRIPTS.flatMap((version) => combinationsOf(version).map(({ name }) => name));
    demandNone(
      'left out',
      wanted.filter((name) => !results.some((result) => result.name === name)),
    );
  });
}
