import { inspect } from 'node:util';
import fc from 'fast-check';
import { optionsFromEnv, type TinkerEnv } from 'isotinker/env';
import { describe, expect, it } from 'vitest';
import { createServiceClient, isTinkerError, type ServiceClientOptions } from '../../src/index.ts';
import { thrown } from '../support/settled.ts';

const KEY = { TINKER_API_KEY: 'tml-1' };

describe('optionsFromEnv', () => {
  it('gives the key alone where nothing else is set', () => {
    expect(optionsFromEnv({ ...KEY, PATH: '/bin', TINKER_LOG: 'debug' } as TinkerEnv)).toEqual({
      apiKey: 'tml-1',
    });
  });

  it('gives all that is set', () => {
    expect(
      optionsFromEnv({
        ...KEY,
        TINKER_BASE_URL: 'https://server.test/tinker',
        TINKER_TAGS: 'one,two',
        TINKER_PROJECT_ID: 'project',
        TINKER_TELEMETRY: '1',
        CLOUDFLARE_ACCESS_CLIENT_ID: 'id.access',
        CLOUDFLARE_ACCESS_CLIENT_SECRET: 'secret',
      }),
    ).toEqual({
      apiKey: 'tml-1',
      baseUrl: 'https://server.test/tinker',
      tags: ['one', 'two'],
      projectId: 'project',
      telemetry: true,
      defaultHeaders: { 'CF-Access-Client-Id': 'id.access', 'CF-Access-Client-Secret': 'secret' },
    });
  });

  it('gives options of a service client, of each environment', async () => {
    const options: ServiceClientOptions = optionsFromEnv({
      ...KEY,
      TINKER_TAGS: 'a',
      TINKER_TELEMETRY: 'no',
    });
    await createServiceClient(options).close();
    const ofProcess: NodeJS.ProcessEnv = { ...KEY };
    const ofDeno: { [name: string]: string } = { ...KEY };
    interface WorkerEnv {
      readonly TINKER_API_KEY: string;
      readonly STORE: { get(key: string): Promise<string | null> };
    }
    const ofWorker: WorkerEnv = { ...KEY, STORE: { get: async () => null } };
    for (const env of [ofProcess, ofDeno, ofWorker]) expect(optionsFromEnv(env)).toEqual({ apiKey: 'tml-1' });
    // @ts-expect-error -- not an environment that can hold a key
    expect(() => optionsFromEnv({ STORE: 1 })).toThrow();
  });

  it.each(['', ' ', '\t\r\n'])('takes %j as not set', (blank) => {
    const names = ['BASE_URL', 'TAGS', 'PROJECT_ID', 'TELEMETRY'].map((name) => `TINKER_${name}`);
    const all = [...names, 'CLOUDFLARE_ACCESS_CLIENT_ID', 'CLOUDFLARE_ACCESS_CLIENT_SECRET'];
    const env = Object.fromEntries(all.map((name) => [name, blank]));
    expect(Object.keys(optionsFromEnv({ ...KEY, ...env }))).toEqual(['apiKey']);
  });

  it('takes away what is around a value', () => {
    expect(
      optionsFromEnv({
        TINKER_API_KEY: ' tml-1\r\n',
        TINKER_BASE_URL: 'http://localhost:8000\n',
        TINKER_PROJECT_ID: '\tp 1 ',
        TINKER_TELEMETRY: ' on\n',
        CLOUDFLARE_ACCESS_CLIENT_ID: 'id\n',
        CLOUDFLARE_ACCESS_CLIENT_SECRET: '\uFEFFsecret\r',
      }),
    ).toEqual({
      apiKey: 'tml-1',
      baseUrl: 'http://localhost:8000',
      projectId: 'p 1',
      telemetry: true,
      defaultHeaders: { 'CF-Access-Client-Id': 'id', 'CF-Access-Client-Secret': 'secret' },
    });
  });

  it.each<readonly [string, readonly string[] | undefined]>([
    ['a', ['a']],
    ['b,a,b,c,a', ['b', 'a', 'c']],
    [' a , b c ,a', ['a', 'b c']],
    [',a,,', ['a']],
    [',', undefined],
    [' , ,', undefined],
  ])('reads the tags %j as %j', (text, tags) => {
    expect(optionsFromEnv({ ...KEY, TINKER_TAGS: text }).tags).toEqual(tags);
  });

  it.each<readonly [string, boolean]>([
    ['1', true],
    ['true', true],
    ['TRUE', true],
    ['Yes', true],
    ['oN', true],
    ['0', false],
    ['false', false],
    ['off', false],
    ['no', false],
    ['y', false],
    ['11', false],
    ['true!', false],
    ['on,off', false],
  ])('reads TINKER_TELEMETRY=%s as %s', (text, telemetry) => {
    expect(optionsFromEnv({ ...KEY, TINKER_TELEMETRY: text })).toEqual({ apiKey: 'tml-1', telemetry });
  });

  it('sends one header of Cloudflare Access where only one is set', () => {
    expect(optionsFromEnv({ ...KEY, CLOUDFLARE_ACCESS_CLIENT_ID: 'id' }).defaultHeaders).toEqual({
      'CF-Access-Client-Id': 'id',
    });
    expect(optionsFromEnv({ ...KEY, CLOUDFLARE_ACCESS_CLIENT_SECRET: 's' }).defaultHeaders).toEqual({
      'CF-Access-Client-Secret': 's',
    });
  });

  it.each<readonly [unknown, RegExp]>([
    [undefined, /must hold an API key, but is not set\. Set it in the environment/],
    [null, /is not set/],
    ['', /must hold an API key, but is blank\. Set it/],
    [' \n', /is blank/],
    ['"tml-secret"', /quotation mark at an end\. Take/],
    ["'tml-secret'", /quotation mark/],
    ['`tml-secret`', /quotation mark/],
    ['"tml-secret', /quotation mark/],
    ["tml-secret'", /quotation mark/],
    [' "tml-secret"\n', /quotation mark/],
    ['“tml-secret”', /visible ASCII .* among its 12$/],
    ['tml-sec ret', /visible ASCII/],
    ['tml-secret\r\nX: y', /visible ASCII/],
    ['tml-sec\0ret', /visible ASCII/],
    ['tml-secrét', /visible ASCII/],
    [Symbol('tml-secret'), /must be text, got a value of type symbol$/],
    [{ get: 'tml-secret' }, /type object$/],
    [123_456_789, /type number$/],
  ])('refuses the key %j without showing it', (value, message) => {
    const error = thrown(() => optionsFromEnv({ TINKER_API_KEY: value } as TinkerEnv));
    expect(isTinkerError(error, 'input_invalid')).toBe(true);
    expect(error).toMatchObject({ field: 'TINKER_API_KEY', message: expect.stringMatching(message) });
    expect(everything(error)).not.toMatch(/sec|123/);
  });

  it('keeps a quotation mark inside a key', () => {
    expect(optionsFromEnv({ TINKER_API_KEY: 'a"b\'c`d' }).apiKey).toBe('a"b\'c`d');
  });

  it('names the variable that is not text, whichever it is', () => {
    for (const name of ['TINKER_TAGS', 'TINKER_TELEMETRY', 'CLOUDFLARE_ACCESS_CLIENT_SECRET']) {
      const error = thrown(() => optionsFromEnv({ ...KEY, [name]: ['secret'] } as unknown as TinkerEnv));
      expect(error).toMatchObject({ code: 'input_invalid', field: name });
      expect(everything(error)).not.toContain('secret');
    }
  });

  it('either gives the key as it is, but for blanks around it, or shows nothing of it', () => {
    const around = fc.constantFrom('', ' ', '\n', '"', "'", '\r\n', '\u00a0');
    const inside = fc.oneof(fc.constant('tml-secret'), fc.string({ unit: 'grapheme', minLength: 1 }));
    fc.assert(
      fc.property(around, inside, around, (before, core, after) => {
        const value = `${before}canary-${core}-canary${after}`;
        let apiKey: string | undefined;
        try {
          ({ apiKey } = optionsFromEnv({ TINKER_API_KEY: value }));
        } catch (error) {
          expect(everything(error)).not.toContain('canary');
          return;
        }
        expect(apiKey).toBe(value.trim());
        expect(() => new Headers({ 'X-API-Key': apiKey ?? '' })).not.toThrow();
      }),
    );
  });
});

/** All that logging an error could show of it. */
function everything(error: unknown): string {
  return `${inspect(error, { depth: 9, showHidden: true })} ${JSON.stringify(error)} ${(error as Error).stack}`;
}
