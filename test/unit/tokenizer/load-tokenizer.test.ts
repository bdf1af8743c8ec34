import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import { createSharedStore } from '../../../src/testing/two-contexts.ts';
import { createVirtualClock } from '../../../src/testing/virtual-clock.ts';
import type { TokenizerBackend } from '../../../src/tokenizer/backend.ts';
import { byteTokenizer } from '../../../src/tokenizer/byte-tokenizer.ts';
import type { LoadTokenizerOptions } from '../../../src/tokenizer/hub/load-options.ts';
import { createTokenizerLoader, loadTokenizer } from '../../../src/tokenizer/hub/load-tokenizer.ts';
import type { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';
import { createFakeHub, type FakeHub, type HubContent, TINY_FILES } from '../../support/fake-hub.ts';
import { createFakeLocks } from '../../support/fake-locks.ts';
import { driveToRejection, rejection } from '../../support/settled.ts';
import { forbidUnhandledRejections } from '../../support/unhandled.ts';

forbidUnhandledRejections();

// Packing takes real time, in which the virtual clock would run on to where locks are given up.
const { CompressionStream: platformStream } = globalThis;
beforeEach(() => {
  Object.assign(globalThis, { CompressionStream: undefined });
});
afterEach(() => {
  globalThis.CompressionStream = platformStream;
});

const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const NAMES = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'];
const TOKEN = 'hf_canary-0123456789';

/** One process: a hub, a clock, and a store that outlives what is held in memory. */
function setUp(files?: Record<string, HubContent>, more: LoadTokenizerOptions = {}) {
  const clock = createVirtualClock();
  const hub = createFakeHub(files);
  const events: TinkerEvent[] = [];
  const store = createSharedStore({ clock, consistency: 'strict' });
  const locks = createFakeLocks();
  const fetch = (request: Request) => hub.fetch(request);
  const options = {
    fetch,
    storage: store.open(),
    locks,
    clock,
    random: () => 0,
    onEvent: (event: TinkerEvent) => void events.push(event),
    ...more,
  };
  const load = (changes: LoadTokenizerOptions = {}, id = 'o/n') =>
    loadTokenizer(id, { ...options, ...changes });
  /** As another process, or after a restart: nothing is held, but what is kept is there. */
  const again = (changes: LoadTokenizerOptions = {}, id = 'o/n') =>
    load({ storage: store.open(), ...changes }, id);
  return { clock, hub, events, store, locks, fetch, options, load, again };
}

const down = (hub: FakeHub): void => {
  for (const name of NAMES) {
    hub.files[name] = () => {
      throw new TypeError('fetch failed');
    };
  }
};
const works = (tokenizer: Tokenizer): void => {
  expect([...tokenizer.encode('ab<end>', { addedTokens: 'all' })]).toEqual([2, 3]);
};

describe('a tokenizer of the hub', () => {
  it('comes with its chat template, and a file of that wins', async () => {
    const { clock, hub, load, again } = setUp();
    const tokenizer = await clock.drive(load());
    works(tokenizer);
    expect(tokenizer.chatTemplate).toEqual({ source: 'T', variables: { eos_token: '<end>' } });
    expect(hub.asked().sort()).toEqual([...NAMES].sort());
    hub.files['chat_template.jinja'] = 'F';
    expect((await clock.drive(again())).chatTemplate?.source).toBe('F');
    expect(clock.pending).toBe(0);
  });

  it('needs no config', async () => {
    const { clock, load } = setUp({ 'tokenizer.json': TINY_FILES['tokenizer.json'] });
    const tokenizer = await clock.drive(load());
    works(tokenizer);
    expect(tokenizer.chatTemplate).toBeUndefined();
  });

  it('is the emulator’s without asking anybody', async () => {
    const { hub, load } = setUp();
    expect((await load({}, 'bytes')).fingerprint).toBe(byteTokenizer.fingerprint);
    expect(hub.requests).toHaveLength(0);
  });

  it('is the pinned commit’s where the service pins one, unless another is asked for', async () => {
    const { clock, hub, load } = setUp();
    await clock.drive(load({}, 'moonshotai/Kimi-K2.5-Text-Only'));
    await clock.drive(load({ revision: 'v2' }, 'moonshotai/Kimi-K2.6'));
    expect([...new Set(hub.requests.map(({ url }) => url.replace(/\/[^/]+$/, '')))]).toEqual([
      'https://huggingface.co/moonshotai/Kimi-K2.5/resolve/4d01dfe0332d63057c186e0b262165819efb6611',
      'https://huggingface.co/moonshotai/Kimi-K2.6/resolve/v2',
    ]);
  });

  it.each<readonly [string, LoadTokenizerOptions, string]>([
    ['', {}, 'tokenizerId'],
    ['/models/x', {}, 'tokenizer'],
    ['o/n', { revision: '' }, 'revision'],
    ['o/n', { revision: '../x' }, 'revision'],
    ['o/n', { revision: 'a//b' }, 'revision'],
    ['o/n', { revision: 'a?b' }, 'revision'],
    ['o/n', { hubUrl: 'huggingface.co' }, 'hubUrl'],
    ['o/n', { hubUrl: 'https://user:pass@hub.example' }, 'hubUrl'],
    ['o/n', { hubUrl: 'user:pass@hub.example' }, 'hubUrl'],
    ['o/n', { hubToken: 'a\nb' }, 'hubToken'],
    ['o/n', { hubToken: '' }, 'hubToken'],
    ['o/n', { maxCacheBytes: -1 }, 'maxCacheBytes'],
    ['o/n', { fetch: 'x' as never }, 'fetch'],
  ])('is not asked for with what cannot be right: %s %j', async (id, changes, field) => {
    const { hub, load } = setUp();
    const error = await rejection(load(changes, id));
    expect(error).toMatchObject({ code: 'input_invalid', field });
    expect(String(error)).not.toContain('a\nb');
    expect(String(error)).not.toContain('pass');
    expect(hub.requests).toHaveLength(0);
  });
});

describe('what is kept', () => {
  it('is used unasked for a commit, which never changes', async () => {
    const { clock, hub, load, again, events } = setUp();
    const first = await clock.drive(load({ revision: COMMIT }));
    expect(hub.requests).toHaveLength(3);
    down(hub);
    const second = await clock.drive(again({ revision: COMMIT }));
    works(second);
    expect(second.fingerprint).toBe(first.fingerprint);
    expect(second).not.toBe(first);
    expect([hub.requests.length, events]).toEqual([3, []]);
  });

  it('is asked about for a branch, and comes only if it has changed', async () => {
    const { clock, hub, load, again, store } = setUp();
    await clock.drive(load());
    const written = store.transactions.filter(({ operation }) => operation === 'set').length;
    await clock.drive(again());
    expect(store.transactions.filter(({ operation }) => operation === 'set')).toHaveLength(written);
    expect(hub.requests.slice(3).filter(({ ifNoneMatch }) => ifNoneMatch !== null)).toHaveLength(2);
    hub.files['tokenizer_config.json'] = '{"chat_template":"NEW"}';
    expect((await clock.drive(again())).chatTemplate?.source).toBe('NEW');
    down(hub);
    // What came last is what is kept.
    expect((await clock.drive(again())).chatTemplate?.source).toBe('NEW');
  });

  it.each<readonly [string, HubContent]>([
    [
      'cannot be reached',
      () => {
        throw new TypeError('fetch failed');
      },
    ],
    ['is in trouble', () => new Response('', { status: 503 })],
    ['has had enough', () => new Response('', { status: 429, headers: { 'retry-after': '30' } })],
    ['says nothing', () => new Promise(() => {})],
  ])('is used as it is where the hub %s', async (_, trouble) => {
    const { clock, hub, load, again } = setUp();
    await clock.drive(load());
    const asked = hub.requests.length;
    for (const name of NAMES) hub.files[name] = trouble;
    works(await clock.drive(again()));
    // Once each, without waiting to ask again.
    expect(hub.requests.length).toBe(asked + 3);
  });

  it('is not used where the hub refuses', async () => {
    const { clock, hub, load, again } = setUp();
    await clock.drive(load());
    hub.files['tokenizer.json'] = () => new Response('', { status: 403 });
    expect(await driveToRejection(clock, again())).toMatchObject({ code: 'http_status', status: 403 });
  });

  it('that was cut is seen, told, and fetched again (D7)', async () => {
    const { clock, hub, load, again, events, store } = setUp();
    await clock.drive(load({ revision: COMMIT }));
    const key = `isotinker:v1:tokenizer:o/n:${COMMIT}:tokenizer.json`;
    const storage = store.open();
    const value = await storage.get(key);
    await storage.set(key, (value as Uint8Array).slice(0, 200));
    works(await clock.drive(again({ revision: COMMIT })));
    expect(hub.asked().slice(3)).toEqual(['tokenizer.json']);
    expect(events).toMatchObject([{ type: 'storage_trouble', operation: 'parse', key }]);
    works(await clock.drive(again({ revision: COMMIT })));
    expect(hub.requests).toHaveLength(4);
  });

  it('is nothing that cannot be used', async () => {
    const { clock, hub, load, store } = setUp({ ...TINY_FILES, 'tokenizer.json': '<html>Sign in</html>' });
    expect(await driveToRejection(clock, load({ revision: COMMIT }))).toMatchObject({
      code: 'response_invalid',
      message: `The tokenizer of o/n at ${COMMIT} cannot be used: "tokenizer.json" must be JSON`,
    });
    expect(store.transactions.filter(({ operation }) => operation === 'set')).toEqual([]);
    hub.files['tokenizer.json'] = TINY_FILES['tokenizer.json'];
    works(await clock.drive(load({ revision: COMMIT })));
  });

  it('is nothing without a storage', async () => {
    const { clock, hub, load, locks, fetch } = setUp();
    const fresh = () => ({ storage: undefined, fetch: (request: Request) => fetch(request) });
    await clock.drive(load(fresh()));
    await clock.drive(load(fresh()));
    expect(hub.requests).toHaveLength(6);
    expect(locks.names).toEqual([]);
  });

  it('never fails a load, whatever the store does', async () => {
    for (const fault of ['throw', 'reject', 'hang', 'absent'] as const) {
      const { clock, events, load, store } = setUp();
      store.fail(undefined, fault);
      works(await clock.drive(load({ revision: COMMIT })));
      expect(events.length).toBeLessThanOrEqual(2);
      if (fault !== 'absent') expect(events[0]).toMatchObject({ type: 'storage_trouble' });
      expect(clock.pending).toBe(0);
    }
  });

  it('has no credential in it, nor has anything else that can be seen', async () => {
    const { clock, events, hub, locks, load, store, again } = setUp(undefined, { hubToken: TOKEN });
    await clock.drive(load());
    hub.files['tokenizer.json'] = (request) => {
      throw new Error(`refused ${request.headers.get('authorization')}`);
    };
    for (const key of new Set(store.transactions.map((call) => call.key))) {
      expect(key).not.toContain(TOKEN);
      const value = await store.open().get(key);
      expect(new TextDecoder('latin1').decode(value)).not.toContain(TOKEN);
    }
    const error = await driveToRejection(clock, again({ revision: 'other' }));
    expect(hub.requests.every(({ authorization }) => authorization === `Bearer ${TOKEN}`)).toBe(true);
    expect(events.length).toBeGreaterThan(0);
    for (const shown of [
      JSON.stringify(events),
      JSON.stringify(error),
      String((error as Error).stack),
      locks.names.join(),
    ]) {
      expect(shown).not.toContain(TOKEN);
    }
  });
});

describe('loads at the same time (D7)', () => {
  const fifty = <T>(make: (index: number) => T): T[] => Array.from({ length: 50 }, (_, index) => make(index));

  it('fetch each file once, and give one object', async () => {
    const { clock, hub, load } = setUp();
    const tokenizers = await clock.drive(Promise.all(fifty(() => load())));
    expect(hub.requests).toHaveLength(3);
    expect(new Set(tokenizers).size).toBe(1);
  });

  it('all fail when it fails, and the next one fetches again', async () => {
    const { clock, hub, load } = setUp({
      ...TINY_FILES,
      'tokenizer.json': () => new Response('', { status: 401 }),
    });
    const errors = await clock.drive(Promise.all(fifty(() => rejection(load()))));
    expect(new Set(errors).size).toBe(1);
    expect(errors[0]).toMatchObject({ code: 'http_status', status: 401 });
    expect(hub.asked().filter((name) => name === 'tokenizer.json')).toHaveLength(1);
    hub.files['tokenizer.json'] = TINY_FILES['tokenizer.json'];
    works(await clock.drive(load()));
  });

  it('go on when one of them is aborted', async () => {
    const { clock, hub, load } = setUp();
    const controllers = fifty(() => new AbortController());
    const calls = controllers.map(({ signal }) => load({ signal }));
    const aborted = rejection(calls[17] as Promise<Tokenizer>);
    controllers[17]?.abort('gone');
    const others = calls.filter((_, index) => index !== 17);
    expect(await clock.drive(aborted)).toBe('gone');
    expect(new Set(await clock.drive(Promise.all(others))).size).toBe(1);
    expect(hub.requests).toHaveLength(3);
  });

  it('end when all of them are aborted', async () => {
    const { clock, hub, load } = setUp(
      Object.fromEntries(NAMES.map((name) => [name, () => new Promise<Response>(() => {})])),
    );
    const controllers = fifty(() => new AbortController());
    const calls = Promise.all(controllers.map(({ signal }) => rejection(load({ signal }))));
    clock.schedule(() => {
      for (const controller of controllers) controller.abort('gone');
    }, 1_000);
    expect(new Set(await clock.drive(calls))).toEqual(new Set(['gone']));
    expect(hub.requests.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });

  it('are shared by their fetch where there is no storage', async () => {
    const { clock, hub, load } = setUp(undefined, { storage: undefined });
    const other = createFakeHub();
    const stable = (request: Request) => hub.fetch(request);
    const calls = [load({ fetch: stable }), load({ fetch: stable }), load({ fetch: other.fetch })];
    await clock.drive(Promise.all(calls));
    expect([hub.requests.length, other.requests.length]).toEqual([3, 3]);
  });

  it('of other revisions, hubs and tokens are others', async () => {
    const { clock, hub, load } = setUp();
    const all = [{}, { revision: 'v2' }, { hubUrl: 'https://mirror.example' }, { hubToken: TOKEN }];
    const tokenizers = await clock.drive(Promise.all(all.map((each) => load(each))));
    expect(new Set(tokenizers).size).toBe(4);
    expect(hub.requests.length).toBe(12);
  });

  it('of the same one give the same object for as long as somebody holds it', async () => {
    const { clock, hub, load } = setUp();
    const first = await clock.drive(load());
    expect(await clock.drive(load())).toBe(first);
    expect(hub.requests).toHaveLength(3);
  });

  it('in two tabs download once', async () => {
    const { clock, hub, load, again } = setUp();
    const both = await clock.drive(Promise.all([load({ revision: COMMIT }), again({ revision: COMMIT })]));
    for (const tokenizer of both) works(tokenizer);
    expect(hub.requests).toHaveLength(3);
  });

  it('in two tabs without locks download at most twice, and what is kept is whole', async () => {
    const { clock, hub, load, again } = setUp(undefined, { locks: false });
    await clock.drive(Promise.all([load({ revision: COMMIT }), again({ revision: COMMIT })]));
    expect(hub.requests.length).toBeLessThanOrEqual(6);
    const asked = hub.requests.length;
    works(await clock.drive(again({ revision: COMMIT })));
    expect(hub.requests).toHaveLength(asked);
  });

  it('do not wait for a tab that hangs for more than 30 s', async () => {
    const { clock, locks, load } = setUp();
    const name = 'isotinker:tokenizer:https://huggingface.co/o/n@main';
    const { signal } = new AbortController();
    locks.request(name, { signal }, () => new Promise(() => {})).catch(() => {});
    works(await clock.drive(load()));
    expect(clock.monotonic()).toBe(30_000);
  });

  it('do not wait for it at all where what is kept is enough', async () => {
    const { clock, locks, load, again } = setUp();
    await clock.drive(load({ revision: COMMIT }));
    const { signal } = new AbortController();
    locks
      .request(
        `isotinker:tokenizer:https://huggingface.co/o/n@${COMMIT}`,
        { signal },
        () => new Promise(() => {}),
      )
      .catch(() => {});
    works(await clock.drive(again({ revision: COMMIT })));
    expect(clock.monotonic()).toBe(0);
  });
});

describe('files that fail', () => {
  it('end the others', async () => {
    const { clock, hub, load } = setUp({
      'tokenizer.json': () => new Promise(() => {}),
      'tokenizer_config.json': () => new Response('', { status: 403 }),
    });
    expect(await driveToRejection(clock, load())).toMatchObject({ status: 403 });
    expect(hub.requests.find(({ file }) => file === 'tokenizer.json')?.signal.aborted).toBe(true);
    expect([clock.monotonic(), clock.pending]).toEqual([0, 0]);
  });
});

describe('a repository with a tiktoken.model', () => {
  const files = { 'tiktoken.model': 'ranks', 'tokenizer_config.json': '{"a":1}', 'chat_template.jinja': 'F' };
  const seen: unknown[] = [];
  const tiktoken: TokenizerBackend = {
    async load(given, id) {
      seen.push([
        id,
        Object.fromEntries(
          Object.entries(given).map(([name, bytes]) => [name, new TextDecoder().decode(bytes)]),
        ),
      ]);
      return { ...byteTokenizer };
    },
  };

  it('is loaded by what was given for it, once', async () => {
    const { clock, hub, load, again } = setUp(files, { tiktoken });
    await clock.drive(load({ revision: COMMIT }));
    expect(seen).toEqual([['o/n', files]]);
    expect(hub.asked()).toEqual([...NAMES, 'tiktoken.model']);
    down(hub);
    await clock.drive(again({ revision: COMMIT }));
    expect(hub.requests).toHaveLength(4);
    expect(seen).toHaveLength(2);
  });

  it('has an empty config where there is none', async () => {
    const { clock, load } = setUp({ 'tiktoken.model': 'ranks' }, { tiktoken });
    await clock.drive(load());
    expect(seen.at(-1)).toEqual(['o/n', { 'tiktoken.model': 'ranks', 'tokenizer_config.json': '{}' }]);
  });

  it('is refused without it, with the import to add', async () => {
    const { clock, load } = setUp(files);
    expect(await driveToRejection(clock, load())).toMatchObject({
      code: 'input_invalid',
      message:
        '"tokenizer" is of o/n, which has no tokenizer.json. If it has a tiktoken.model: ' +
        "import { tiktoken } from 'isotinker/tokenizer/tiktoken', and give { tiktoken }",
    });
  });

  it('is not looked for where there is a tokenizer.json', async () => {
    const { clock, hub, load } = setUp({ ...TINY_FILES, ...files }, { tiktoken });
    works(await clock.drive(load()));
    expect(hub.asked()).not.toContain('tiktoken.model');
  });

  it('that has not even that is refused', async () => {
    const { clock, load } = setUp({}, { tiktoken });
    expect(await driveToRejection(clock, load())).toMatchObject({
      code: 'input_invalid',
      message: '"tokenizer" is of o/n, which has neither tokenizer.json nor tiktoken.model',
    });
  });
});

describe('a loader for service clients', () => {
  it('finds the tokenizer by what the server says', async () => {
    const { clock, hub, options } = setUp();
    const load = createTokenizerLoader(options);
    works(await clock.drive(load({ modelName: 'org/model/variant:rev' })));
    expect(hub.requests[0]?.url).toBe('https://huggingface.co/org/model/resolve/main/tokenizer.json');
    expect((await load({ modelName: 'emulator/tiny', tokenizerId: 'bytes' })).vocabSize).toBe(256);
    expect(await rejection(load({ modelName: 'm', tokenizerId: '/models/m' }))).toMatchObject({
      field: 'tokenizer',
    });
    expect(await rejection(load({ modelName: 'm/n' }, { signal: AbortSignal.abort('gone') }))).toBe('gone');
  });

  it('is refused at once with options that cannot be right', () => {
    expect(() => createTokenizerLoader({ hubUrl: 'x' })).toThrow('hubUrl');
  });
});

it('loads with the memory storage and the platform’s own clock, locks and packing', async () => {
  globalThis.CompressionStream = platformStream;
  const hub = createFakeHub();
  const storage = memoryStorage();
  works(await loadTokenizer('o/n', { storage, fetch: hub.fetch }));
});
