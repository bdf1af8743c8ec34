import { withTemporaryFolder } from '../runtimes/temporary-folder.ts';
import { installTools } from '../runtimes/tools.ts';
import { checkCoreBundles, checkEntryBundles } from './bundles.ts';
import { type Consumer, packAndInstall } from './consumer.ts';
import { checkContents } from './contents.ts';
import { checkCopies } from './copies.ts';
import { checkDependencyGlobals } from './dependency-globals.ts';
import { checkImportGlobals } from './import-globals.ts';
import { checkJsr } from './jsr.ts';
import { checkNeighbours, checkPeers } from './neighbours.ts';
import { endChildrenWithThis } from './own-children.ts';
import { checkPublishing } from './publishing.ts';
import { createReport, type Report } from './report.ts';
import { checkChat, checkRuntimes } from './runtimes.ts';
import { checkSizes } from './sizes.ts';
import { checkSourceMaps } from './source-maps.ts';
import { installPackageTools } from './tool.ts';
import { checkTypes } from './types.ts';

// Packs the tarball, installs it into a fresh project as a user would, and does there what users do: run it in every
// runtime that npm carries, compile against it, bundle it. Ends with the counts, whatever happens.

/** Only ends an install that hangs. */
const INSTALL_LIMIT_MS = 600_000;
/** One after the other: from `checkPeers` on the optional packages are there. */
const IN_ORDER: readonly ((consumer: Consumer, report: Report) => Promise<void>)[] = [
  checkContents,
  checkPublishing,
  checkJsr,
  checkRuntimes,
  checkCoreBundles,
  checkSizes,
  checkPeers,
  checkChat,
  checkEntryBundles,
  checkImportGlobals,
  checkDependencyGlobals,
  checkSourceMaps,
  checkCopies,
  checkNeighbours,
];

async function checkAll(folder: string): Promise<void> {
  const limit = AbortSignal.timeout(INSTALL_LIMIT_MS);
  await Promise.all([installTools(limit), installPackageTools(limit)]);
  const consumer = await packAndInstall(folder);
  const run = (part: (typeof IN_ORDER)[number]): Promise<void> =>
    report.part(part.name, () => part(consumer, report));
  const inOrder = async (): Promise<void> => {
    for (const part of IN_ORDER) await run(part);
  };
  // The types take as long as all of the rest, on a core of its own. The folder stays until both are done.
  const ends = await Promise.allSettled([run(checkTypes), inOrder()]);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

endChildrenWithThis();
const report = createReport();
await report.part('packing and installing', () => withTemporaryFolder('package', checkAll));
const { passed, failed } = report.counts();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
