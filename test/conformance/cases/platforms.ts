import { createServiceClient, isTinkerError } from '../../../src/index.ts';
import { platformName } from '../../../src/kernel/platform-name.ts';
import { systemWake } from '../../../src/kernel/wake.ts';
import { assertAlike, assertEqual, assertFails, assertTrue, rejectionOf, textOf } from '../assertions.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import type { SuiteStart } from '../suite-start.ts';

/** What the library takes from the platform is what it takes it for. */
export function platformCases({ platform }: SuiteStart): readonly ConformanceCase[] {
  return [...textCases(), ...languageCases(), ...ownCases(platform)];
}

function textCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'platform: a strict decoder refuses malformed UTF-8, and one in parts keeps half a character',
      async run() {
        const strict = new TextDecoder('utf-8', { fatal: true });
        await assertFails('malformed', () => strict.decode(Uint8Array.of(0xc3)), 'TypeError');
        const parts = new TextDecoder();
        const text = [0xf0, 0x9f, 0x98, 0x80].map((byte) =>
          parts.decode(Uint8Array.of(byte), { stream: true }),
        );
        assertEqual('in parts', text.join('') + parts.decode(), '😀');
        assertEqual(
          'a mark is dropped unless told otherwise',
          new TextDecoder().decode(Uint8Array.of(0xef, 0xbb, 0xbf, 97)),
          'a',
        );
      },
    },
    {
      name: 'platform: patterns know the properties of characters, look behind, and see whole code points',
      run() {
        const text = 'Größe ٣ ǅ 漢字 e\u0301 😀 \u00a0\u2028x';
        const patterns = [
          /\p{L}+/gu,
          /\p{N}/gu,
          /\p{Lt}/u,
          /\p{M}/gu,
          /(?<=\s)\S/gu,
          /\p{Script=Han}+/u,
          /./gsu,
          /\p{Surrogate}/gu,
        ];
        return textOf([
          patterns.map((pattern) => text.match(pattern)),
          text.normalize('NFKC'),
          text.toLowerCase(),
          'İ'.toLowerCase().length,
        ]);
      },
    },
    {
      name: 'platform: addresses are taken apart and written the same way',
      run() {
        const url = new URL('../b c/ü?x=1&x=ä#y', 'https://HOST.test:443/a/b/');
        url.searchParams.append('z', ' &=+');
        const parts = [url.href, url.origin, url.pathname, encodeURIComponent('tinker://a/weights/é 😀')];
        return textOf(parts);
      },
    },
  ];
}

function languageCases(): readonly ConformanceCase[] {
  return [
    {
      name: 'platform: typed arrays have the bytes of the wire: little-endian, 64 bits and all',
      run() {
        const view = new DataView(new ArrayBuffer(16));
        view.setBigInt64(0, -2n, true);
        view.setFloat32(8, 0.1, true);
        view.setUint16(12, 0x1234, true);
        assertEqual('floats', new Float32Array(view.buffer, 8, 1)[0], Math.fround(0.1));
        assertEqual('integers', new BigInt64Array(view.buffer, 0, 1)[0], -2n);
        return textOf(new Uint8Array(view.buffer));
      },
    },
    {
      name: 'platform: a clone of typed arrays, dates, maps and big integers is their like, and no longer theirs',
      run() {
        const tokens = Int32Array.of(1, 2);
        const clone = structuredClone({
          tokens,
          at: new Date(5),
          map: new Map([[1, 2n]]),
          nothing: undefined,
        });
        tokens[0] = 9;
        assertTrue('a typed array', clone.tokens instanceof Int32Array);
        assertAlike(
          'content',
          [clone.tokens, clone.at.getTime(), clone.map.get(1), 'nothing' in clone],
          [[1, 2], 5, 2n, true],
        );
      },
    },
    {
      name: 'platform: sorting keeps the order of equals, and objects keep that of their names',
      run() {
        const rows = Array.from({ length: 600 }, (_, i) => ({ i, key: (i * 7919) % 5 }));
        const sorted = rows.sort((a, b) => a.key - b.key);
        for (let i = 1; i < sorted.length; i++) {
          const [before, after] = [sorted[i - 1], sorted[i]];
          assertTrue(`row ${i}`, before?.key !== after?.key || (before?.i ?? 0) < (after?.i ?? 0));
        }
        return Object.keys({ b: 1, 10: 1, a: 1, 9: 1, '-1': 1 }).join();
      },
    },
    {
      name: 'platform: an error keeps its cause, and an abort without one is a DOMException that is an Error',
      run() {
        const cause = new Error('inner');
        assertEqual('cause', new Error('outer', { cause }).cause, cause);
        const { reason } = AbortSignal.abort();
        assertTrue('an Error', reason instanceof Error && reason instanceof DOMException);
        assertEqual('name', (reason as Error).name, 'AbortError');
      },
    },
  ];
}

function ownCases(platform: string): readonly ConformanceCase[] {
  return [
    {
      name: 'platform: the library knows where it runs',
      run() {
        assertEqual('here', platformName(), platform);
        assertEqual('somewhere else', platformName({}), 'unknown');
      },
    },
    {
      name: 'platform: a client can be made before anything may be sent, and closed without having sent anything',
      async run() {
        const sent: string[] = [];
        const fetch = async (request: Request): Promise<Response> => {
          sent.push(request.url);
          return new Response(null, { status: 503 });
        };
        const service = createServiceClient({ apiKey: 'tml-test', fetch });
        await service.close();
        await service.close();
        const error = await rejectionOf('a call afterwards', () => service.getServerCapabilities());
        assertTrue(`closed, not ${error}`, isTinkerError(error, 'client_closed'));
        assertEqual('requests', sent.length, 0);
      },
    },
    {
      name: 'platform: a client is closed by the language, where that knows how',
      async run() {
        const { asyncDispose } = Symbol as { readonly asyncDispose?: symbol };
        const service = createServiceClient({ apiKey: 'tml-test', fetch: async () => new Response('{}') });
        const dispose = (service as unknown as Record<PropertyKey, unknown>)[
          asyncDispose ?? 'close'
        ] as () => Promise<void>;
        await dispose();
        const error = await rejectionOf('a call afterwards', () => service.getServerCapabilities());
        assertTrue(`closed, not ${error}`, isTinkerError(error, 'client_closed'));
      },
    },
    {
      name: 'platform: who listens for a waking page or network hears of none that is not there, and can stop',
      run() {
        let wakes = 0;
        const stop = systemWake(() => {
          wakes += 1;
        });
        assertEqual('wakes before any event', wakes, 0);
        const heard = comeOnline();
        assertEqual('wakes', wakes, heard);
        stop();
        stop();
        comeOnline();
        assertEqual('wakes afterwards', wakes, heard);
      },
    },
  ];
}

/** The network is back, where the platform has such events. @returns how many events there were. */
function comeOnline(): number {
  if (typeof dispatchEvent !== 'function') return 0;
  dispatchEvent(new Event('online'));
  return 1;
}
