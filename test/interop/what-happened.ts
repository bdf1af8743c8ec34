import { passesOf } from './compare-passes.ts';
import type { ServerName } from './emulators.ts';
import type { Tally } from './tally.ts';
import type { Exchange } from './traffic.ts';

/** Which format a client sent its passes in. */
type PassFormat = 'protobuf' | 'json';

/** Check that a run met what the scenario is about: equal numbers alone do not say that. */
export function checkWhatHappened(
  tally: Tally,
  who: string,
  exchanges: readonly Exchange[],
  format: PassFormat,
): void {
  const met = (server: ServerName, path: string, status: number, word = ''): Exchange[] =>
    exchanges.filter(
      (one) =>
        one.server === server &&
        one.path.split('?')[0]?.replace(/session-[^/]*/, 'SESSION') === path &&
        one.status === status &&
        (one.answer ?? '').includes(word),
    );
  const demand = (name: string, found: readonly unknown[], least = 1): void =>
    tally.check(
      `${who}: ${name}`,
      found.length >= least ? undefined : `met ${found.length} times, not ${least}`,
    );
  demand('heartbeats', met('main', 'session_heartbeat', 200));
  demand('telemetry is accepted', met('main', 'telemetry', 200, '"accepted"'));
  demand('five hundred samples, and more', met('main', 'asample', 200), 500);
  demand('a sample is pushed back', met('busy', 'asample', 429));
  demand('a poll is told to come again', met('slow', 'retrieve_future', 408, 'try_again'), 3);
  demand('a large result is announced first', met('small', 'retrieve_future', 200, 'complete_metadata'), 3);
  demand('results have expired', met('late', 'retrieve_future', 410), 2);
  demand('a key is exchanged for a token', met('guarded', 'auth/token', 200, '"jwt"'));
  demand('a wrong key is refused', met('guarded', 'client/config', 401));
  demand('an operation fails', met('main', 'retrieve_future', 200, '"error"'), 3);
  demand('a model is made by one load', met('serial', 'load_weights', 200), 2);
  demand(
    'an archive is a redirect',
    exchanges.filter(({ status, path }) => status === 302 && path.endsWith('/archive')),
  );
  const broken = exchanges.filter(({ status }) => status >= 500);
  tally.check(
    `${who}: nothing breaks`,
    broken[0] && `${broken[0].path}: ${broken[0].status} ${broken[0].answer}`,
  );
  const passes = exchanges.filter(({ path }) => path === 'forward_backward' || path === 'forward');
  const others = passes.filter(({ body }) => body.kind !== format);
  tally.check(
    `${who}: passes are sent in ${format}`,
    passes.length > 100 && others.length === 0 ? undefined : `${others.length} of ${passes.length} are not`,
  );
  const results = exchanges.filter(({ answerType }) => answerType === 'application/x-protobuf').length;
  tally.check(
    `${who}: results come in ${format}`,
    format === 'protobuf' ? atLeast(results, 600) : results === 0 ? undefined : `${results} come in protobuf`,
  );
  if (format === 'protobuf') checkOrder(tally, who, exchanges);
}

function atLeast(number: number, least: number): string | undefined {
  return number >= least ? undefined : `${number} do, not ${least}`;
}

/** Chunks of a pass: all but the first, then the first, where they may go side by side; else one after the other. */
function checkOrder(tally: Tally, who: string, exchanges: readonly Exchange[]): void {
  const numbers = (model: string): number[] =>
    passesOf(exchanges)
      .filter((pass) => pass.model === model)
      .map(({ sequenceId }) => sequenceId);
  const sideBySide = runsOf(numbers('small train:0'));
  const isRight =
    sideBySide.length === 4 && sideBySide.every((run) => run.length > 2 && run.at(-1) === Math.min(...run));
  tally.check(
    `${who}: of chunks side by side the first one comes last`,
    isRight ? undefined : `they come as ${sideBySide.map((run) => run.join()).join('; ')}`,
  );
  const inTurn = numbers('serial train:0');
  const isSorted = inTurn.length > 8 && inTurn.every((number, i) => number > (inTurn[i - 1] ?? 0));
  tally.check(`${who}: chunks in turn`, isSorted ? undefined : `they come as ${inTurn.join()}`);
}

/** Numbers without a gap between them, in the order in which they came: one list a pass, as other requests lie between. */
function runsOf(numbers: readonly number[]): number[][] {
  const starts = numbers.filter((number) => !numbers.includes(number - 1)).sort((a, b) => a - b);
  return starts.map((start, i) =>
    numbers.filter((number) => number >= start && number < (starts[i + 1] ?? Number.POSITIVE_INFINITY)),
  );
}
