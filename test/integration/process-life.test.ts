import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runProgram } from '../support/command.ts';

// How long a process lives is the platform's word, so these run as programs of their own, on real time. Nothing is
// timed: one that hung would never end, and one that died early would not print.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Run a program that has a client on a scripted server, whose polls answer from `polls`. */
async function runWithClient(polls: string, code: string) {
  const folder = mkdtempSync(join(ROOT, 'test', 'integration', 'program-'));
  try {
    const program = `
      import { createServiceClient } from 'isotinker';
      import { scriptedFetch } from 'isotinker/testing';
      const { fetch, requests } = scriptedFetch({
        create_session: [{ status: 200, body: { session_id: 's' } }],
        session_heartbeat: [{ status: 200 }],
        create_sampling_session: [{ status: 200, body: { sampling_session_id: 's:0' } }],
        asample: [{ status: 200, body: { request_id: 'r' } }],
        retrieve_future: ${polls},
      });
      const service = createServiceClient({ apiKey: 'tml-test', fetch, random: () => 0 });
      const sampler = await service.createSamplingClient({ baseModel: 'm' });
      const sample = () => sampler.sample({ prompt: [1], maxTokens: 1 });
      ${code}`;
    writeFileSync(join(folder, 'program.mts'), program);
    const { code: exit, stdout, stderr } = await runProgram(join(folder, 'program.mts'), []);
    return { exit, stdout: stdout.trim(), stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const DONE = `{ status: 200, body: { sequences: [] } }`;

it('a program that forgets to close ends by itself: heartbeats do not keep it', async () => {
  const ended = await runWithClient(`[${DONE}]`, `await sample(); console.log('done');`);
  expect(ended).toEqual({ exit: 0, stdout: 'done', stderr: '' });
});

it('a program lives while work is outstanding, though nothing but a wait between polls is left of it', async () => {
  const down = `{ status: 503, text: 'down' }`;
  const ended = await runWithClient(
    `[${down}, ${down}, ${down}, ${down}, ${DONE}]`,
    `sample().then(() => console.log('done after ' + requests.filter(({ path }) => path === 'retrieve_future').length));`,
  );
  expect(ended).toEqual({ exit: 0, stdout: 'done after 5', stderr: '' });
});

it('an operation that fails and is awaited by nobody ends no process', async () => {
  const failed = `{ status: 200, body: { error: 'no', category: 'user' } }`;
  const ended = await runWithClient(
    `[${failed}]`,
    `const future = sample(); setTimeout(() => console.log(future.status), 50);`,
  );
  expect(ended).toEqual({ exit: 0, stdout: 'failed', stderr: '' });
});
