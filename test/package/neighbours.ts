import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readmeExample } from '../readme/code-blocks.ts';
import { runCommand } from '../support/command.ts';
import { type Consumer, makeProject, npmInstall, readManifest } from './consumer.ts';
import { demand, demandNone, type Report } from './report.ts';
import { runScript, runtimes } from './runtimes.ts';

/** The lock file, like npm on Node 20, has ky 1. */
const OTHER_KY = 'ky@2.1.0';
/** What a program may have beside the package, which brings zod 4. */
const OTHER_ZOD = 'zod@3.25.76';
/** What reads tokenizers and chat templates: for those who ask for them. */
const PEERS = ['@huggingface/jinja@0.5.11', '@huggingface/tokenizers@0.2.0'];

/** One that the package does not go with. */
const OLD_PEER = '@huggingface/jinja@0.4.1';
/** So that npm says all of it, whatever its user has set. */
const AS_SHIPPED = [
  '--loglevel=warn',
  '--force=false',
  '--legacy-peer-deps=false',
  '--strict-peer-deps=false',
];

/** Install the optional packages: what was checked before went without. */
export async function checkPeers({ project }: Consumer, report: Report): Promise<void> {
  await report.check('the optional packages are installed', async () => {
    const said = await npmInstall(project, ...AS_SHIPPED, ...PEERS);
    demandNone('npm says', linesAboutPeers(said));
  });
}

/** Other versions of what it depends on, in the program or instead. */
export async function checkNeighbours({ folder, tarball }: Consumer, report: Report): Promise<void> {
  const { code, prints } = readmeExample();
  const cases = [
    { what: 'the other major of ky', neighbour: OTHER_KY, shared: true },
    { what: 'zod 3 beside it', neighbour: OTHER_ZOD, shared: false },
  ];
  for (const { what, neighbour, shared } of cases) {
    await report.check(`npm has nothing against its peers, and it runs, with ${what}`, async () => {
      const [name = '', version] = neighbour.split('@');
      const project = makeProject(join(folder, `with-${name}`));
      const said = await npmInstall(project, ...AS_SHIPPED, neighbour, tarball);
      demandNone('npm says', linesAboutPeers(said));
      const direct = readManifest(join(project, 'node_modules', name)).version;
      demand(direct === version, `the program has ${name} ${direct}`);
      demand(hasOwn(project, name) !== shared, `it ${shared ? 'has a copy' : 'shares the'} of ${name}`);
      writeFileSync(join(project, 'train.mjs'), code);
      const printed = await runScript(runtimes()[0]!, project, 'train.mjs');
      demand(printed === prints, `printed ${printed}`);
    });
  }
  await report.check('what npm has against peers is noticed', async () => {
    const project = makeProject(join(folder, 'with-old-peer'));
    const args = ['install', '--no-audit', '--no-fund', ...AS_SHIPPED, OLD_PEER, tarball];
    const { code, stderr } = await runCommand('npm', args, { cwd: project });
    demand(code !== 0 && linesAboutPeers(stderr).length > 1, `npm ended with ${code}: ${stderr}`);
  });
}

/**
 * What npm has against the versions of packages together. Of much else it warns too that is not for this package to mend:
 * settings of its user that it does not know (some with "peer" in their names), packages that are deprecated, ky 2 that
 * wants a newer Node.
 */
function linesAboutPeers(said: string): string[] {
  return said
    .split('\n')
    .filter((line) => /^npm (warn|error)\b.*(ERESOLVE|\bpeer)/i.test(line))
    .filter((line) => !/^npm warn (deprecated|unknown)\b/i.test(line));
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
