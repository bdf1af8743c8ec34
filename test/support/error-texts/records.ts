import { extractArchive, type RestClient } from '../../../src/index.ts';
import { archiveStore } from '../archive-store.ts';
import { answer, bare, inOrder, type RestServer, restSetup } from '../rest.ts';
import { type ErrorFixture, type ErrorFixtures, failureOf, local } from './fixture.ts';

const PATH = 'tinker://run/weights/final';

/** What happens to a call of the REST client. */
const asked = (name: string, server: RestServer, act: (rest: RestClient) => unknown): ErrorFixture => ({
  name,
  async provoke() {
    const { rest, clock, finish } = restSetup(server);
    const error = await failureOf(() => act(rest), clock);
    await clock.drive(finish());
    return error;
  },
});

/** A call that is refused before anything is sent. */
const mistake = (name: string, act: (rest: RestClient) => unknown): ErrorFixture =>
  asked(
    name,
    () => {
      throw new Error('Nothing should be sent');
    },
    act,
  );

async function all(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

/** Arguments that cannot be right. */
export const RECORD_MISTAKES: ErrorFixtures = {
  title: 'Arguments of the REST client',
  fixtures: [
    mistake('a path of a file', (rest) => rest.getTrainingRunByTinkerPath('/checkpoints/final')),
    mistake('a path without a kind', (rest) => rest.deleteCheckpoint('tinker://run/final')),
    mistake('a path of a kind that does not exist', (rest) =>
      rest.publishCheckpoint('tinker://run/models/final'),
    ),
    mistake('no path', (rest) => rest.deleteCheckpoint(undefined as never)),
    mistake('an id with too many parts', (rest) =>
      rest.deleteCheckpoint({ runId: 'run', checkpointId: 'a/b/c' }),
    ),
    mistake('one path where there should be many', (rest) => rest.deleteCheckpoints(PATH as never)),
    mistake('many paths, one of them wrong', (rest) => rest.deleteCheckpoints([PATH, 'final'])),
    mistake('an id that leads elsewhere', (rest) => rest.getTrainingRun('..')),
    mistake('no id', (rest) => rest.getSession('')),
    mistake('pages of nothing', (rest) => all(rest.listTrainingRuns({ limit: 0 }))),
    mistake('a scope that does not exist', (rest) =>
      rest.getTrainingRun('run', { accessScope: 'public' as never }),
    ),
    mistake('a lifetime of no time', (rest) => rest.setCheckpointTtl(PATH, 0)),
    mistake('a day that is none', (rest) => rest.getAuditLog({ day: 'yesterday' })),
    mistake('a time without a zone', (rest) =>
      rest.getBillingUsage({ startingOn: '2026-07-13T00:00:00', endingBefore: '2026-07-14T00:00:00Z' }),
    ),
    mistake('a time that is no full hour', (rest) =>
      rest.getBillingUsage({ startingOn: '2026-07-13T00:30:00Z', endingBefore: '2026-07-14T00:00:00Z' }),
    ),
    mistake('an end before the begin', (rest) =>
      rest.getBillingUsage({ startingOn: '2026-07-14T00:00:00Z', endingBefore: '2026-07-13T00:00:00Z' }),
    ),
    mistake('more days than the server sums up', (rest) =>
      rest.getBillingUsage({ startingOn: '2026-07-01T00:00:00Z', endingBefore: '2026-07-31T00:00:00Z' }),
    ),
    mistake('a key that does not say whose it is', (rest) => rest.whoami()),
  ],
};

/** Answers of the REST routes. */
export const RECORD_FAILURES: ErrorFixtures = {
  title: 'Failures of the REST client',
  fixtures: [
    asked(
      'a route that the server lacks',
      () => answer({ detail: 'Not Found' }, 404),
      (rest) => all(rest.listSessions()),
    ),
    asked(
      'a checkpoint that does not exist',
      () => answer({ detail: 'Checkpoint not found' }, 404),
      (rest) => rest.deleteCheckpoint(PATH),
    ),
    asked(
      'a checkpoint that is public already',
      () => answer({ detail: 'Already public' }, 409),
      (rest) => rest.publishCheckpoint(PATH),
    ),
    asked(
      'deletions of which one failed',
      ({ target }) => (target.endsWith('/two') ? answer({ detail: 'Checkpoint not found' }, 404) : bare(204)),
      (rest) => rest.deleteCheckpoints(['tinker://run/weights/one', 'tinker://run/weights/two']),
    ),
    asked(
      'a time that cannot be read',
      () => answer({ training_run_id: 'r', base_model: 'm', last_request_time: 'soon' }),
      (rest) => rest.getTrainingRun('r'),
    ),
    asked(
      'a server that does not page',
      () => answer({ sessions: ['a', 'b'] }),
      (rest) => all(rest.listSessions({ limit: 2 })),
    ),
    asked(
      'a trace that failed',
      () => answer({ status: 'failed', error: 'too large' }),
      (rest) => rest.exportSessionTrace('s'),
    ),
    asked(
      'a trace that is nowhere',
      () => answer({ status: 'ready' }),
      (rest) => rest.exportSessionTrace('s'),
    ),
    asked(
      'an archive that has expired',
      () => answer({ detail: 'Expired' }, 410),
      (rest) => rest.getCheckpointArchiveUrl(PATH),
    ),
    asked(
      'an archive that does not get ready',
      () => answer({ detail: 'Building' }, 503),
      (rest) => rest.getCheckpointArchiveUrl(PATH),
    ),
    asked(
      'an archive whose address a page may not see',
      () => Object.defineProperty(bare(200), 'status', { value: 0 }),
      (rest) => rest.getCheckpointArchiveUrl(PATH),
    ),
    asked(
      'an archive whose address is none',
      () => answer({ url: 'ftp://store.test/a' }),
      (rest) => rest.getCheckpointArchiveUrl(PATH),
    ),
  ],
};

const content = Uint8Array.from({ length: 40 }, (_, index) => index);
const downloaded = (name: string, options: Partial<Parameters<typeof archiveStore>[0]>): ErrorFixture => {
  const { server } = archiveStore({ content, etag: '"one"', ...options });
  return asked(name, server, async (rest) => (await rest.downloadCheckpoint(PATH)).bytes());
};

const tar = (name: string, bytes: Uint8Array | undefined): ErrorFixture =>
  local(name, async () => {
    for await (const entry of extractArchive(bytes as Uint8Array)) await entry.bytes();
  });

/** One block of a tar: the head of a file with this name, of so many bytes. */
function tarHead(name: string, size: number, type = '0'): Uint8Array {
  const block = new Uint8Array(512);
  const put = (text: string, at: number): void => block.set(new TextEncoder().encode(text), at);
  put(name, 0);
  put(`${size.toString(8).padStart(11, '0')} `, 124);
  put('        ', 148);
  put(type, 156);
  put('ustar\0', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** Downloads and archives. */
export const ARCHIVES: ErrorFixtures = {
  title: 'Downloads and archives',
  fixtures: [
    downloaded('a download that is cut again and again', { plan: () => ({ bytes: 0, end: 'cut' }) }),
    downloaded('an address that does not work', { plan: () => ({ status: 403 }) }),
    downloaded('an archive that changes on the way', {
      plan: (exchange) => (exchange === 0 ? { bytes: 14, end: 'cut' } : { headers: { etag: '"two"' } }),
    }),
    downloaded('an archive of which nothing is known', {
      etag: undefined,
      tellsSize: false,
      plan: (exchange) => (exchange === 0 ? { bytes: 14, end: 'cut' } : undefined),
    }),
    asked(
      'a listener that is no function',
      inOrder(() => bare(204)),
      (rest) => rest.downloadCheckpoint(PATH, { onProgress: 'log' as never }),
    ),
    tar('an archive that is a promise', Promise.resolve() as never),
    tar('an archive that is something else', new Uint8Array(1_024).fill(65)),
    tar('an archive that is cut', tarHead('adapter.bin', 700).slice(0, 400)),
    tar('an archive that is cut in a file', tarHead('adapter.bin', 700)),
    tar('an archive that leads out of its folder', tarHead('../../.bashrc', 0)),
    tar('an archive with a link', tarHead('link', 0, '2')),
    tar('an archive whose packing is damaged', Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2, 3)),
  ],
};
