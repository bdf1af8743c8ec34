import { expect, it } from 'vitest';
import { connectionError } from '../../../src/transport/classify.ts';

const blocked = new TypeError('Failed to fetch');
const page = { document: {} };

it.each([
  ['a page', blocked, false, page, true],
  ['a web worker', blocked, false, { WorkerGlobalScope: {} }, true],
  ['a page, within another error', new Error('Request failed', { cause: blocked }), false, page, true],
  ['a page that had an answer', blocked, true, page, false],
  ['a page, for another reason', new Error('out of memory'), false, page, false],
  ['workerd', blocked, false, { WebSocketPair: {}, WorkerGlobalScope: {} }, false],
  ['Deno', blocked, false, { Deno: {}, WorkerGlobalScope: {} }, false],
  ['Node', blocked, false, { process: {} }, false],
] as const)('in %s', (_, cause, isAnswered, globals, isTold) => {
  const { message } = connectionError('https://h', cause, [], isAnswered, globals);
  expect(/CORS.*proxy/.test(message)).toBe(isTold);
});
