import { encodeUtf8, toHex } from '../../kernel/bytes.ts';
import { sha256 } from '../../kernel/sha256.ts';
import { type EmulatorIds, HOSTED_IDS, HOSTED_REQUEST_IDS, type RequestIds } from '../ids.ts';
import type { EmulatorDialect } from './dialect.ts';

/** Digits that look like an id's, the same for the same number. */
const DIGITS = '7c1e4b2a9d60';

const hexOf = (number: number): string => number.toString(16).padStart(8, '0');

const digest = (text: string): string => toHex(sha256(encodeUtf8(text)).subarray(0, 4));

const INTEGER: RequestIds = { of: String, numberOf: (id) => (/^\d+$/.test(id) ? Number(id) : Number.NaN) };

const REQUEST_IDS: Readonly<Record<EmulatorDialect['requestIdForm'], RequestIds>> = {
  request: HOSTED_REQUEST_IDS,
  integer: INTEGER,
  number: INTEGER,
  'zero-based': { of: (number) => String(number - 1), numberOf: (id) => INTEGER.numberOf(id) + 1 },
  uuid: {
    of: (number) => `${hexOf(number)}-4d1e-4f60-8a2b-${DIGITS}`,
    numberOf: (id) => Number.parseInt(/^([0-9a-f]+)-4d1e-4f60-8a2b-7c1e4b2a9d60$/.exec(id)?.[1] ?? '', 16),
  },
  hex: {
    of: (number) => `req_${DIGITS}${hexOf(number)}`,
    numberOf: (id) => Number.parseInt(/^req_7c1e4b2a9d60([0-9a-f]+)$/.exec(id)?.[1] ?? '', 16),
  },
  composed: {
    of: (number) => `upstream-a@sess-1:train/0:op${number}`,
    numberOf: (id) => Number(/:op(\d+)$/.exec(id)?.[1]),
  },
};

const MODEL_IDS: Readonly<Record<EmulatorDialect['modelIdForm'], EmulatorIds['model']>> = {
  session: HOSTED_IDS.model,
  'request-id': (_, __, requestId) => requestId,
  stamped: (sessionId, number) => `20260722_120000-emulator-tiny-${digest(`${sessionId}:${number}`)}`,
  main: () => 'main',
};

const SAMPLER_IDS: Readonly<Record<EmulatorDialect['samplerIdForm'], EmulatorIds['sampler']>> = {
  session: HOSTED_IDS.sampler,
  hex: (sessionId, number) => `sampling_${digest(`${sessionId}:${number}`)}`,
  path: (sessionId, number) => `tinker://${sessionId}/sampler_weights/sampler-${number}`,
  at: (_, number) => `ss@${number}`,
};

/** Ids of models and sampling sessions in the dialect's form. */
export function dialectIds({ modelIdForm, samplerIdForm }: EmulatorDialect): EmulatorIds {
  return { model: MODEL_IDS[modelIdForm], sampler: SAMPLER_IDS[samplerIdForm] };
}

/** Ids of futures in the dialect's form. */
export function dialectRequestIds({ requestIdForm }: EmulatorDialect): RequestIds {
  return REQUEST_IDS[requestIdForm];
}
