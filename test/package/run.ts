import { withTemporaryFolder } from '../runtimes/temporary-folder.ts';
import { installTools } from '../runtimes/tools.ts';
import { checkCoreBundles, checkEntryBundles } from './bundles.ts';
import { packAndInstall } from './consumer.ts';
import { checkContents } from './contents.ts';
import { checkCopies } from './copies.ts';
import { checkDependencyGlobals } from './dependency-globals.ts';
import { checkImportGlobals } from './import-globals.ts';
import { checkJsr } from './jsr.ts';
import { checkNeighbours, installPeers } from './neighbours.ts';
import { checkPublishing } from './publishing.ts';
import { createReport } from './report.ts';
import { checkChat, checkRuntimes } from './runtimes.ts';
import { checkSourceMaps } from './source-maps.ts';
import { installPackageTools } from './tool.ts';
import { checkTypes } from './types.ts';

// Packs the tarball, installs it into a fresh project as a user would, and does there what users do: run it in every
// runtime that npm carries, compile against it, bundle it. Ends with the counts.

const report = createReport();
await withTemporaryFolder('package', async (folder) => {
  await Promise.all([installTools(), installPackageTools()]);
  const consumer = await packAndInstall(folder);
  // Takes as long as all of the rest, on a core of its own.
  const types = checkTypes(consumer, report);
  await checkContents(consumer, report);
  await checkPublishing(consumer, report);
  await checkJsr(consumer, report);
  await checkRuntimes(consumer, report);
  await checkCoreBundles(consumer, report);
  await installPeers(consumer);
  await checkChat(consumer, report);
  await checkEntryBundles(consumer, report);
  await checkImportGlobals(consumer, report);
  await checkDependencyGlobals(consumer, report);
  await checkSourceMaps(consumer, report);
  await checkCopies(consumer, report);
  await checkNeighbours(consumer, report);
  await types;
});
const { passed, failed } = report.counts();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
