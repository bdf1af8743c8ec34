import { type Mutation, mutationsOf } from './mutation.ts';

const TESTS = ['integration/mutated-replies.test.ts'];
/** Of what few replies of a thousand show. */
const JSON_TESTS = ['unit/wire/json/hostile-replies.test.ts', 'unit/wire/rest-records.test.ts', ...TESTS];
const PROTOBUF_TESTS = ['unit/wire/proto/forward-backward-output.test.ts', ...TESTS];
const ADDRESS_TESTS = [
  'unit/client/web-address.test.ts',
  'unit/transport/checked-response.test.ts',
  ...TESTS,
];

/** What a broken reply would do to a client that believes it. */
export const REPLY_DEFECTS: readonly Mutation[] = [
  ...mutationsOf('wire/json/futures.ts', TESTS, [
    [
      'replies: one that is nested deep ends a call with a RangeError',
      '? (jsonText(value) ?? show(value))',
      '? JSON.stringify(value)',
    ],
    [
      'replies: a submission that is nested deep ends a call with a RangeError',
      '(jsonText(body) ?? show(body))',
      'String(JSON.stringify(body))',
    ],
    [
      'replies: ids of sequences that cannot be text end a call with a TypeError',
      'Array.isArray(ids) && ids.every(isId)',
      'Array.isArray(ids)',
    ],
  ]),
  ...mutationsOf('wire/json/rest-runs.ts', JSON_TESTS, [
    [
      'replies: metadata that are nested deep end a call with a RangeError',
      "(jsonText(value) ?? '')",
      'JSON.stringify(value)',
    ],
  ]),
  ...mutationsOf('wire/json/parse.ts', TESTS, [
    [
      'replies: what is not of its type ends a call with an error of another package',
      'if (result.success) return result.data;',
      'schema().parse(value); if (result.success) return result.data;',
    ],
  ]),
  ...mutationsOf('wire/json/tensor.ts', TESTS, [
    ['replies: a tensor has a shape of other numbers', 'if (size === length) return shape;', 'return shape;'],
  ]),
  ...mutationsOf('wire/json/sessions.ts', TESTS, [
    [
      'replies: a sampling session has no id',
      'z.looseObject({ sampling_session_id: id() })',
      'z.looseObject({ sampling_session_id: text() })',
    ],
  ]),
  ...mutationsOf('wire/json/rest-timestamp.ts', JSON_TESTS, [
    ['replies: a time is none', 'ms !== undefined && Math.abs(ms) <= MOST_MS', 'ms !== undefined'],
  ]),
  ...mutationsOf('wire/proto/protobuf-reader.ts', TESTS, [
    [
      'replies: bytes that are no text end a call with a TypeError',
      '} catch (cause) {',
      '} catch (cause) { if (cause instanceof TypeError) throw cause;',
    ],
  ]),
  ...mutationsOf('wire/proto/batched-tensor.ts', PROTOBUF_TESTS, [
    [
      'replies: rows of a tensor are not whole',
      'if ((rowSize === 0 ? length : length % rowSize) !== 0) {',
      'if (rowSize === -1) {',
    ],
  ]),
  ...mutationsOf('operations/credentials.ts', TESTS, [
    ['replies: a token shows in an error', 'text: redactTokens(answer.text)', 'text: answer.text'],
  ]),
  ...mutationsOf('operations/token-exchange.ts', TESTS, [
    [
      'replies: a token that is not replaced is a rejection that nobody handles',
      'exchange().catch(() => {});',
      'exchange();',
    ],
  ]),
  ...mutationsOf('operations/scope.ts', TESTS, [
    ['replies: a listener stays on the caller’s signal', 'unsubscribe?.();', ''],
  ]),
  ...mutationsOf('operations/turns.ts', TESTS, [
    ['replies: a number is passed over', 'nextId += slots.length;', 'nextId += slots.length + 1;'],
    ['replies: a number is used for two requests', 'if (poison !== undefined) throw poison;', ''],
  ]),
  ...mutationsOf('client/operation-results.ts', TESTS, [
    [
      'replies: log-probabilities are those of other tokens',
      'if (logprobs === undefined || logprobs.length === tokens.length) continue;',
      'if (tokens.length > 0) continue;',
    ],
    [
      'replies: log-probabilities are those of another prompt',
      'if (promptLength === undefined || other === undefined) return response;',
      'if (lengths.length > 0) return response;',
    ],
  ]),
  ...mutationsOf('client/rest/web-address.ts', ADDRESS_TESTS, [
    [
      'replies: an address leads anywhere',
      'resolved !== undefined && /^https?:$/.test(resolved.protocol)',
      'resolved !== undefined',
    ],
  ]),
  ...mutationsOf('transport/download.ts', ADDRESS_TESTS, [
    [
      'replies: what is no response ends a download with a TypeError',
      'checkedResponse(await fetch(new Request(url, { headers, signal })))',
      'await fetch(new Request(url, { headers, signal }))',
    ],
  ]),
];
