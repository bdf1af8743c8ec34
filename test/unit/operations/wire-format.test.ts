import { describe, expect, it } from 'vitest';
import type { TinkerEvent } from '../../../src/kernel/diagnostics.ts';
import {
  TinkerApiError,
  TinkerConnectionError,
  type TinkerError,
  TinkerResponseError,
  TinkerTimeoutError,
} from '../../../src/kernel/errors.ts';
import {
  type BodyForm,
  type Compress,
  createBodyForms,
  type WireFormat,
} from '../../../src/operations/wire-format.ts';
import { countListeners } from '../../../src/testing/abort-listeners.ts';
import { type ClientConfig, defaultClientConfig } from '../../../src/wire/json/client-config.ts';
import { rejection } from '../../support/settled.ts';

const halve: Compress = (bytes) => bytes.slice(0, bytes.length / 2);

function setUp({
  format = 'auto' as WireFormat,
  isServed = true,
  config = {} as Partial<ClientConfig>,
  compress = undefined as Compress | undefined,
} = {}) {
  const events: TinkerEvent[] = [];
  const current = { ...defaultClientConfig(), ...config };
  const settings = { current, isServed, ready: async () => current };
  const forms = createBodyForms({ format, compress, settings, emit: (event) => void events.push(event) });
  return { forms, events };
}

const ZSTD = { config: { compressBodies: true }, compress: halve };
const status = (code: number): TinkerError => new TinkerApiError(code, 'no');

describe('the forms that are tried', () => {
  it.each<readonly [string, Parameters<typeof setUp>[0], readonly BodyForm[]]>([
    ['a server with settings', {}, ['protobuf', 'json']],
    ['a server without', { isServed: false }, ['json']],
    ['one that says that it reads JSON', { config: { protobufPasses: false } }, ['json']],
    ['one that asks for compression, of a client that can', ZSTD, ['zstd', 'protobuf', 'json']],
    [
      'one that asks for compression, of a client that cannot',
      { config: { compressBodies: true } },
      ['protobuf', 'json'],
    ],
    ['one that does not ask, though the client could', { compress: halve }, ['protobuf', 'json']],
    ['any, with JSON only', { ...ZSTD, format: 'json' }, ['json']],
    ['any, with protobuf only', { format: 'proto', isServed: false }, ['protobuf']],
    [
      'one that says JSON, with protobuf only',
      { format: 'proto', config: { protobufPasses: false } },
      ['protobuf'],
    ],
    ['one that asks for compression, with protobuf only', { ...ZSTD, format: 'proto' }, ['zstd', 'protobuf']],
  ])('on %s', (_, options, expected) => {
    expect(setUp(options).forms.candidates()).toEqual(expected);
  });

  it('follow the settings as they become known', () => {
    const current = defaultClientConfig();
    const settings = { current, isServed: false, ready: async () => current };
    const forms = createBodyForms({ format: 'auto', compress: undefined, settings, emit: () => {} });
    expect(forms.candidates()).toEqual(['json']);
    settings.isServed = true;
    expect(forms.candidates()).toEqual(['protobuf', 'json']);
  });
});

describe('a form that was accepted', () => {
  it('ends the others before it, with one event', () => {
    const { forms, events } = setUp();
    forms.accepted('json');
    forms.accepted('json');
    expect(forms.candidates()).toEqual(['json']);
    expect(events).toEqual([
      { type: 'wire_format', format: 'json', message: 'The server does not read protobuf' },
    ]);
  });

  it('that is the best says nothing', () => {
    const { forms, events } = setUp(ZSTD);
    forms.accepted('zstd');
    expect(forms.candidates()).toEqual(['zstd', 'protobuf', 'json']);
    expect(events).toEqual([]);
  });

  it('ends compression alone where it is the one behind it', () => {
    const { forms, events } = setUp(ZSTD);
    forms.accepted('protobuf');
    expect(forms.candidates()).toEqual(['protobuf', 'json']);
    expect(events).toMatchObject([{ format: 'protobuf', message: 'The server does not read zstd' }]);
    forms.accepted('json');
    // Protobuf was read before: it did not fail for its form.
    expect(forms.candidates()).toEqual(['protobuf', 'json']);
    expect(events).toHaveLength(1);
  });

  it('ends both where it is JSON', () => {
    const { forms, events } = setUp(ZSTD);
    forms.accepted('json');
    expect(forms.candidates()).toEqual(['json']);
    expect(events).toMatchObject([{ format: 'json', message: 'The server does not read zstd or protobuf' }]);
  });

  it('is read after all where another request was mistaken about it meanwhile', () => {
    const { forms } = setUp(ZSTD);
    forms.accepted('json');
    forms.accepted('protobuf');
    expect(forms.candidates()).toEqual(['protobuf', 'json']);
    expect(forms.isUnread('protobuf', status(500), 0)).toBe(false);
    forms.accepted('zstd');
    expect(forms.candidates()).toEqual(['zstd', 'protobuf', 'json']);
  });
});

describe('a failure', () => {
  it.each([400, 404, 405, 406, 415, 422, 500])(
    'of status %d may be the form’s, until the form is proven',
    (code) => {
      for (const form of ['zstd', 'protobuf'] as const) {
        const { forms } = setUp(ZSTD);
        expect(forms.isUnread(form, status(code), 0)).toBe(true);
        forms.accepted(form);
        expect(forms.isUnread(form, status(code), 0)).toBe(false);
      }
    },
  );

  it.each([401, 402, 403, 408, 409, 410, 413, 429, 501, 502, 503, 504, 302])(
    'of status %d is not the form’s',
    (code) => {
      expect(setUp().forms.isUnread('protobuf', status(code), 5)).toBe(false);
    },
  );

  it('is never JSON’s, which every server reads', () => {
    expect(setUp().forms.isUnread('json', status(415), 0)).toBe(false);
  });

  it('by a connection that is cut is the form’s from the second in a row', () => {
    const cut = new TinkerConnectionError('reset');
    const { forms } = setUp();
    expect([0, 1, 2, 3].map((cuts) => forms.isUnread('protobuf', cut, cuts))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(forms.isUnread('protobuf', new TinkerConnectionError('refused', { isUnsent: true }), 9)).toBe(
      false,
    );
    forms.accepted('protobuf');
    expect(forms.isUnread('protobuf', cut, 9)).toBe(false);
  });

  it.each([new TinkerTimeoutError('attempt', 5), new TinkerResponseError('cut')])(
    'of any other kind is not the form’s: %s',
    (error) => {
      expect(setUp().forms.isUnread('protobuf', error, 9)).toBe(false);
    },
  );
});

describe('a body', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4);
  const { signal } = new AbortController();

  it('is the bytes as they are, or compressed', async () => {
    const { forms } = setUp(ZSTD);
    const contentType = 'application/x-protobuf';
    expect(await forms.encode('protobuf', bytes, signal)).toEqual({ bytes, contentType });
    const packed = { bytes: Uint8Array.of(1, 2), contentType, contentEncoding: 'zstd' };
    expect(await forms.encode('zstd', bytes, signal)).toEqual(packed);
    const later = setUp({ ...ZSTD, compress: async (whole) => whole.slice(0, 2) }).forms;
    expect(await later.encode('zstd', bytes, signal)).toEqual(packed);
  });

  it.each<readonly [string, Compress]>([
    [
      'throws',
      () => {
        throw new Error('out of memory');
      },
    ],
    ['rejects', () => Promise.reject(new Error('out of memory'))],
  ])('cannot be had where the compressor %s', async (_, compress) => {
    const { forms } = setUp({ ...ZSTD, compress });
    expect(await rejection(forms.encode('zstd', bytes, signal))).toMatchObject({
      code: 'input_invalid',
      field: 'compress',
      cause: { message: 'out of memory' },
    });
  });

  it.each([undefined, null, 'packed', new ArrayBuffer(2), [1, 2]])(
    'cannot be had where the compressor gives anything else: %s',
    async (packed) => {
      const { forms } = setUp({ ...ZSTD, compress: () => packed as never });
      expect(await rejection(forms.encode('zstd', bytes, signal))).toMatchObject({ field: 'compress' });
    },
  );

  it('is not waited for after an abort', async () => {
    const { forms } = setUp({ ...ZSTD, compress: () => new Promise(() => {}) });
    const controller = new AbortController();
    const listeners = countListeners(controller.signal);
    const encoded = rejection(forms.encode('zstd', bytes, controller.signal));
    controller.abort('enough');
    expect(await encoded).toBe('enough');
    expect(listeners.left).toBe(0);
  });
});
