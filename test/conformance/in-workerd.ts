import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { aborted } from '../runtimes/aborted.ts';
import { type OwnProcess, startProcess } from '../runtimes/own-process.ts';
import { withTemporaryFolder } from '../runtimes/temporary-folder.ts';
import { portOfWorkerd } from '../runtimes/workerd-port.ts';
import { WORKERD_COMPATIBILITY_DATE } from './runtimes.ts';
import type { SuiteLine } from './suite-line.ts';
import type { RunSuite } from './suite-outcome.ts';

/** No compatibility flag, and no way out: the suite needs no network. */
const CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "suite", worker = (
      modules = [(name = "suite", esModule = embed "suite.mjs")],
      compatibilityDate = "${WORKERD_COMPATIBILITY_DATE}",
      globalOutbound = "nothing",
    )),
    (name = "nothing", network = (allow = [])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "suite")],
);
`;

/** The suite is run inside one request, whose answer is what it tells. */
const WORKER = `
export default {
  fetch(request, env, context) {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    let written = Promise.resolve();
    const tell = (line) => {
      written = written.then(() => writer.write(new TextEncoder().encode(JSON.stringify(line) + '\\n')));
    };
    const told = conformance.tellSuite(suiteStart, tell).then(() => written);
    context.waitUntil(told.then(() => writer.close(), (error) => writer.abort(error)));
    return new Response(readable);
  },
};
`;

const ARGS = ['serve', '--verbose', '--control-fd=3'];
/** An error that is thrown in a timer is no event and ends nothing; all that is left of it is this, if it is verbose. */
const UNCAUGHT = /uncaught exception;.*(\n {4}at .*)*/;

/** Run the suite in a Worker. */
export function inWorkerd(script: string, program: string): RunSuite {
  return (tell, signal) =>
    withTemporaryFolder('conformance', async (folder) => {
      writeFileSync(join(folder, 'suite.mjs'), script + WORKER);
      writeFileSync(join(folder, 'config.capnp'), CONFIG);
      const running = startProcess(program, [...ARGS, join(folder, 'config.capnp')], {
        hasPipe: true,
        signal,
      });
      const crash = running.ended.then((how) => Promise.reject(new Error(how)));
      try {
        await Promise.race([readAnswer(running, tell), aborted(signal), crash]);
      } catch (error) {
        signal.throwIfAborted();
        // It says there what it did to the request.
        throw new Error(`${error instanceof Error ? error.message : error}: ${running.complaints()}`);
      } finally {
        crash.catch(() => {});
        await running.end();
      }
      const uncaught = UNCAUGHT.exec(running.complaints());
      if (uncaught !== null) throw new Error(uncaught[0]);
    });
}

async function readAnswer(running: OwnProcess, tell: (line: SuiteLine) => void): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${await portOfWorkerd(running)}/`);
  if (!answer.ok || answer.body === null)
    throw new Error(`answered with ${answer.status}: ${await answer.text()}`);
  const input = Readable.fromWeb(answer.body as ReadableStream);
  for await (const line of createInterface({ input })) tell(JSON.parse(line) as SuiteLine);
}
