import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Consumer, makeProject, npmInstall } from './consumer.ts';
import { demand, type Report } from './report.ts';
import { runScript, runtimes } from './runtimes.ts';

/** Each copy makes errors, and tells those of the other by their code; so does CommonJS. */
const PROGRAM = `
import { createRequire } from 'node:module';
import vm from 'node:vm';
import * as one from 'isotinker';
import * as other from 'isotinker-copy';
import { createEmulator } from 'isotinker-copy/emulator';

if (one.TinkerError === other.TinkerError) throw new Error('there is one copy');
const required = createRequire(import.meta.url)('isotinker-copy');
for (const [thrower, judge] of [[one, other], [other, one], [one, required], [required, one]]) {
  let error;
  try {
    thrower.createServiceClient({ apiKey: '' });
  } catch (thrown) {
    error = thrown;
  }
  if (error instanceof judge.TinkerError && thrower !== judge && judge !== required && thrower !== required)
    throw new Error('instanceof would do');
  if (!judge.isTinkerError(error)) throw new Error('not recognised');
  if (!judge.isTinkerError(error, 'input_invalid')) throw new Error('not recognised by its code');
  if (judge.isTinkerError(error, 'timed_out')) throw new Error('recognised by another code');
}
for (const stranger of [new Error('tinker'), { code: 'input_invalid' }, null, vm.runInNewContext('new Error()')])
  if (one.isTinkerError(stranger)) throw new Error('a stranger is recognised');
// An emulator of one copy serves a client of the other.
const service = one.createServiceClient({ apiKey: 'tml-offline', fetch: createEmulator().fetch });
const { supportedModels } = await service.getServerCapabilities();
await service.close();
console.log('told apart', supportedModels.length > 0);
`;

/** The tarball installed twice, as dependencies of two others may bring it. */
export async function checkCopies({ folder, tarball }: Consumer, report: Report): Promise<void> {
  await report.check('one copy recognises the errors of another', async () => {
    const project = makeProject(join(folder, 'copies'));
    await npmInstall(project, tarball, `isotinker-copy@file:${tarball}`);
    writeFileSync(join(project, 'copies.mjs'), PROGRAM);
    const printed = await runScript(runtimes()[0]!, project, 'copies.mjs');
    demand(printed === 'told apart true', `printed ${printed}`);
  });
}
