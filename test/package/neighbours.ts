import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readmeExample } from '../readme/code-blocks.ts';
import { type Consumer, makeProject, npmInstall, readManifest } from './consumer.ts';
import { demand, type Report } from './report.ts';
import { runScript, runtimes } from './runtimes.ts';

/** The lock file, like npm on Node 20, has ky 1. */
const OTHER_KY = 'ky@2.1.0';
/** What a program may have beside the package, which brings zod 4. */
const OTHER_ZOD = 'zod@3.25.76';
/** What reads tokenizers and chat templates: for those who ask for them. */
const PEERS = ['@huggingface/jinja@0.5.11', '@huggingface/tokenizers@0.2.0'];

/** Install the optional packages: what was checked before went without. */
export async function installPeers({ project }: Consumer): Promise<void> {
  await npmInstall(project, ...PEERS);
}

/** Other versions of what it depends on, in the program or instead. */
export async function checkNeighbours({ folder, tarball }: Consumer, report: Report): Promise<void> {
  const { code, prints } = readmeExample();
  const cases = [
    { what: 'the other major of ky', neighbour: OTHER_KY, shared: true },
    { what: 'zod 3 beside it', neighbour: OTHER_ZOD, shared: false },
  ];
  for (const { what, neighbour, shared } of cases) {
    await report.check(`it installs without a warning, and runs, with ${what}`, async () => {
      const [name = '', version] = neighbour.split('@');
      const project = makeProject(join(folder, `with-${name}`));
      const said = await npmInstall(project, neighbour, tarball);
      demand(!/warn|ERESOLVE|peer/i.test(withoutEngines(said)), `npm says ${said}`);
      const direct = readManifest(join(project, 'node_modules', name)).version;
      demand(direct === version, `the program has ${name} ${direct}`);
      demand(hasOwn(project, name) !== shared, `it ${shared ? 'has a copy' : 'shares the'} of ${name}`);
      writeFileSync(join(project, 'train.mjs'), code);
      const printed = await runScript(runtimes()[0]!, project, 'train.mjs');
      demand(printed === prints, `printed ${printed}`);
    });
  }
}

/** ky 2 says that it wants a newer Node; it runs on this one. */
function withoutEngines(said: string): string {
  return said.replace(/^npm warn EBADENGINE.*$/gm, '');
}

/** Whether the package has a copy of its own. */
function hasOwn(project: string, name: string): boolean {
  try {
    readFileSync(join(project, 'node_modules/isotinker/node_modules', name, 'package.json'));
    return true;
  } catch {
    return false;
  }
}
