import { encodeUtf8, toHex } from '../../../src/kernel/bytes.ts';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import { sha256 } from '../../../src/kernel/sha256.ts';
import { memoryStorage } from '../../../src/storage/memory.ts';
import { packEntry, unpackEntry } from '../../../src/tokenizer/cache/cache-entry.ts';
import { type LoadTokenizerOptions, loadTokenizer } from '../../../src/tokenizer/index.ts';
import llamaLike from '../../golden/tokenizers/small/llama-like.json';
import { assertAlike, assertEqual, assertFails, assertTrue } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';

const COMMIT = '0123456789abcdef0123456789abcdef01234567';

/** Tokenizers of a hub, kept packed for the next time. In real time: packing takes some, and nothing else waits. */
export function tokenizerLoadCases(): readonly ConformanceCase[] {
  return [...keptCases(), ...loadCases()];
}

const content = (): Uint8Array<ArrayBuffer> => encodeUtf8(JSON.stringify(llamaLike));

/** A file as it is kept. */
async function keptOf(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return packEntry({ bytes, etag: '"e"', sha256: toHex(sha256(bytes)) });
}

function keptCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'tokenizer: a file is kept packed, and comes back byte for byte',
      async run() {
        const bytes = content();
        const value = await keptOf(bytes);
        // The bytes of gzip differ between platforms; that it is shorter does not.
        assertTrue('it is shorter', value.length < bytes.length / 2);
        const { bytes: back, etag } = await unpackEntry(value);
        assertEqual('content', back, bytes);
        assertEqual('etag', etag, '"e"');
        return toHex(sha256(bytes));
      },
    },
    {
      name: 'tokenizer: a kept file that is cut or damaged is refused, wherever it is',
      async run() {
        const value = await keptOf(content());
        const refused = async (damaged: Uint8Array<ArrayBuffer>): Promise<boolean> =>
          unpackEntry(damaged).then(
            () => false,
            () => true,
          );
        for (const length of [0, 10, 150, value.length - 8, value.length - 1])
          assertTrue(`cut at ${length}`, await refused(value.slice(0, length)));
        for (let at = value.indexOf(10) + 12; at < value.length; at += 997) {
          const damaged = value.slice();
          damaged[at] = (damaged[at] as number) ^ 0x10;
          assertTrue(`damaged at ${at}`, await refused(damaged));
        }
        // Whole, but not what it says it is.
        const digest = toHex(sha256(content()));
        const start = new TextDecoder('latin1').decode(value).indexOf(digest);
        const other = value.slice();
        other.set(encodeUtf8('0'.repeat(64)), start);
        assertTrue('another digest', start > 0 && (await refused(other)));
      },
    },
    {
      name: 'tokenizer: files of a megabyte, of nothing, and that are not there are kept as well',
      async run() {
        for (const length of [0, 1, 1_000_000]) {
          const bytes = new Uint8Array(length).map((_, i) => (i * i) >>> 5);
          assertEqual(`${length} bytes`, (await unpackEntry(await keptOf(bytes))).bytes, bytes);
        }
        const absent = await packEntry({ bytes: undefined, etag: undefined, sha256: '' });
        assertEqual('absent', (await unpackEntry(absent)).bytes, undefined);
      },
    },
  ];
}

/** A hub of one repository, and all that was asked of it. */
function createHub() {
  const files: Record<string, string> = {
    'tokenizer.json': JSON.stringify(llamaLike),
    'tokenizer_config.json': '{"chat_template":"{{ messages[0].content }}","eos_token":"</s>"}',
  };
  const asked: string[] = [];
  const fetch = async (request: Request): Promise<Response> => {
    const name = new URL(request.url).pathname.split('/').at(-1) ?? '';
    asked.push(`${name} ${request.headers.get('authorization')}`);
    const file = files[name];
    if (file === undefined)
      return new Response('Entry not found', { status: 404, headers: { 'x-error-code': 'EntryNotFound' } });
    return new Response(file, { headers: { etag: `"${toHex(sha256(encodeUtf8(file)))}"` } });
  };
  return { files, asked, fetch };
}

function loadCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'tokenizer: a tokenizer is loaded once from its hub, and then from the store, with the same ids',
      async run() {
        const hub = createHub();
        const storage = memoryStorage();
        const events: TinkerEvent[] = [];
        const load = (more: LoadTokenizerOptions = {}) =>
          loadTokenizer('o/n', {
            fetch: hub.fetch,
            revision: COMMIT,
            locks: false,
            onEvent: (event) => events.push(event),
            // As another process has it: one store, and nothing in memory.
            storage: { ...storage },
            ...more,
          });
        const first = await load({ hubToken: 'hf_canary' });
        const count = hub.asked.length;
        assertTrue(
          'the hub was asked, with the token',
          count > 0 && hub.asked.every((line) => line.endsWith('hf_canary')),
        );
        const second = await load();
        assertEqual('asked for the second', hub.asked.length, count);
        assertEqual('fingerprints', second.fingerprint, first.fingerprint);
        assertAlike('ids', second.encode('the שלום 😀'), first.encode('the שלום 😀'));
        assertEqual('template', second.chatTemplate?.source, '{{ messages[0].content }}');
        assertEqual('events', events.length, 0);
        return first.fingerprint;
      },
    },
    {
      name: 'tokenizer: loads at the same time are one, and one that is aborted takes no other along',
      async run() {
        const hub = createHub();
        const controller = new AbortController();
        const options = {
          fetch: hub.fetch,
          storage: memoryStorage(),
          locks: false,
          revision: COMMIT,
        } as const;
        const aborted = loadTokenizer('o/n', { ...options, signal: controller.signal }).catch(
          (reason) => reason,
        );
        const others = [1, 2, 3].map(() => loadTokenizer('o/n', options));
        controller.abort('enough');
        assertEqual('the aborted one', await aborted, 'enough');
        const [one, ...rest] = await Promise.all(others);
        for (const other of rest) assertTrue('the very same', other === one);
        assertEqual('asked for it', hub.asked.filter((line) => line.startsWith('tokenizer.json')).length, 1);
      },
    },
    {
      name: 'tokenizer: a repository without a tokenizer is an error that says so',
      async run() {
        const { fetch } = createHub();
        const nothing = async (request: Request): Promise<Response> =>
          request.url.endsWith('tokenizer.json')
            ? new Response('Entry not found', { status: 404, headers: { 'x-error-code': 'EntryNotFound' } })
            : fetch(request);
        await assertFails(
          'the load',
          () => loadTokenizer('o/n', { fetch: nothing, locks: false }),
          'TinkerInputError',
          'o/n',
        );
      },
    },
  ];
}
