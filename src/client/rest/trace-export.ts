import { sleep } from '../../kernel/abort.ts';
import { TinkerOperationError, TinkerResponseError } from '../../kernel/errors.ts';
import { clipped } from '../../kernel/json-text.ts';
import type { Runtime } from '../../operations/runtime.ts';
import type { Scope } from '../../operations/scope.ts';
import { readTraceExport } from '../../wire/json/rest-sessions.ts';
import { sendRest } from './rest-request.ts';
import { webAddress } from './web-address.ts';

/** How long after a pending answer the server is asked again (protocol 7). */
const PENDING_MS = 5_000;

/** Ask for a session's trace until it is there. Nothing but the call's own limits ends the waiting. */
export async function awaitTrace(runtime: Runtime, scope: Scope, path: string): Promise<string> {
  for (;;) {
    const answer = await sendRest(runtime, scope, { method: 'GET', path });
    const { status, url, error } = readTraceExport(answer);
    if (status === 'failed') {
      throw new TinkerOperationError(
        'operation_failed',
        'server',
        `The trace could not be exported: ${clipped(error ?? 'the server does not say why', 500)}`,
      );
    }
    if (status === 'ready') {
      if (url !== undefined && url !== '') return webAddress(path, url);
      throw new TinkerResponseError(`${path} says that the trace is ready, and not where`);
    }
    await sleep(runtime.clock, PENDING_MS, scope.signal);
  }
}
