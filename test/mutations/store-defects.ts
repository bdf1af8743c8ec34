import { type Mutation, mutationsOf } from './mutation.ts';

/** Stores, their guard, tokenizers and chat. */
export const STORE_DEFECTS: readonly Mutation[] = [
  ...mutationsOf(
    'storage/indexeddb.ts',
    ['unit/storage/indexeddb.test.ts', 'unit/storage/indexeddb-faults.test.ts'],
    [
      ['a page that upgrades waits for ever', 'database.onversionchange = () => database.close();', ''],
      ['a closed connection is a failure', 'if (database && !transaction && !isRetry)', 'if (false)'],
      ['a lost connection is kept', 'if (used === current) current = undefined;', ''],
      ['a value outlives its lifetime', 'clock.now() >= expiresAt', 'clock.now() > expiresAt'],
      ['any row is a value', 'v === 1 && bytes', 'bytes'],
      ['a write resolves before it is one', 'await promisifyRequest(transaction);', ''],
      ['values are not copied', 'bytes: new Uint8Array(value) }', 'bytes: value as never }'],
    ],
  ),
  ...mutationsOf(
    'storage/write-behind.ts',
    ['unit/storage/cloudflare-kv.test.ts'],
    [
      ['two writes within a second', 'const PERIOD_MS = 1_000;', 'const PERIOD_MS = 900;'],
      ['a failure in the background is lost', 'failure ??= error;', ''],
      [
        'a Worker is frozen with values unwritten',
        'waitUntil?.(line.outstanding);\n    return first;',
        'return first;',
      ],
      ['a newer value is forgotten', 'if (!isRefused && line.entry === entry)', 'if (!isRefused)'],
      [
        'what a request’s end took along is never written',
        'if (now < line.freeAt || key === own) continue;',
        'continue;',
      ],
    ],
  ),
  ...mutationsOf(
    'storage/deno-kv.ts',
    ['unit/storage/deno-kv.test.ts'],
    [
      ['an update loses another', 'operation.check({ key: at, versionstamp });', ''],
      [
        'a reader takes a torn value',
        'return result === undefined && !isLost ? undefined : { result };',
        'return { result };',
      ],
      ['pieces of a lost race stay', 'await pieces.discard(head);', ''],
    ],
  ),
  ...mutationsOf(
    'storage/guarded.ts',
    ['unit/storage/guarded.test.ts', 'integration/storage-failures.test.ts'],
    [
      ['a late update changes what others wrote', 'signal.aborted ? current :', 'false ? current :'],
      ['a broken store is asked by every call', 'restsUntil = clock.monotonic() + restMs;', ''],
      [
        'unreadable values go unnoticed',
        "emit({ type: 'storage_trouble', operation: 'parse'",
        "void ({ type: 'storage_trouble', operation: 'parse'",
      ],
    ],
  ),
  ...mutationsOf(
    'policy/stored-circuit.ts',
    ['unit/policy/circuit-contexts.test.ts', 'integration/storage-failures.test.ts'],
    [['what was decided alone is undone by an old row', 'epoch === aheadIn ? epoch + 1 : epoch', 'epoch']],
  ),
  ...mutationsOf(
    'kernel/single-flight.ts',
    ['unit/kernel/single-flight.test.ts'],
    [
      ['each caller loads', 'flights.get(key) ?? start(key, work)', 'start(key, work)'],
      ['the abort of one ends it for all', 'if (flight.waiting > 0) return;', ''],
      [
        'a failure is remembered',
        'work(controller.signal).finally(() => forget(key, flight))',
        'work(controller.signal)',
      ],
    ],
  ),
  ...mutationsOf(
    'tokenizer/hub/web-locks.ts',
    ['unit/tokenizer/web-locks.test.ts'],
    [
      [
        'a tab that hangs holds all up',
        "cancel = clock.schedule(() => link.abort(new Error('The lock is held for too long')), limitMs);",
        'cancel = clock.schedule(() => {}, limitMs);',
      ],
      ['it works twice', 'if (link.signal.aborted) return Promise.resolve();', ''],
    ],
  ),
  ...mutationsOf(
    'tokenizer/cache/cache-entry.ts',
    ['unit/tokenizer/cache-entry.test.ts'],
    [
      ['damage goes unseen', 'bytes.length !== header.size || digest !== header.sha256', 'false'],
      ['another version is read', 'header?.version !== 1', 'header == null'],
    ],
  ),
  ...mutationsOf(
    'tokenizer/hugging-face/ordinary-encoder.ts',
    ['unit/tokenizer/spelled-tokens.test.ts'],
    [['text becomes a special token of the vocabulary', '&& !maySpell ? piece', '&& false ? piece']],
  ),
  ...mutationsOf(
    'tokenizer/checked-text.ts',
    ['unit/tokenizer/hugging-face.test.ts', 'unit/tokenizer/tiktoken.test.ts'],
    [
      [
        'text of users becomes special tokens',
        "options?.addedTokens ?? 'none'",
        "options?.addedTokens ?? 'all'",
      ],
    ],
  ),
  ...mutationsOf(
    'chat/encoding/added-token-finder.ts',
    ['unit/chat/injection.test.ts'],
    [
      [
        'what a message spells is a special token',
        'if (token.isSpecial) return false;',
        'if (token.isSpecial) return true;',
      ],
      ['users make tool calls', 'return others.every(({ owner }) =>', 'return others.some(({ owner }) =>'],
    ],
  ),
  ...mutationsOf(
    'chat/supervised/supervised.ts',
    ['unit/chat/supervised.test.ts', 'unit/chat/chat.test.ts'],
    [
      ['weights stand a place too late', 'weights: weights.slice(1) }', 'weights: weights.slice(0, -1) }'],
      [
        'the weight of a message counts for nothing',
        'return message.role === ASSISTANT ? own : 0;',
        'return message.role === ASSISTANT ? 1 : 0;',
      ],
      ['users’ messages are trained on', 'return message.role === ASSISTANT ? own : 0;', 'return own;'],
      [
        'nothing is trained, and nobody is told',
        'if (datum.lossFnInputs.weights.some((weight) => weight !== 0)) return datum;',
        'if (datum) return datum;',
      ],
      [
        'the wrong end is dropped',
        "truncate === 'start' ? ids.length - maxTokens : 0",
        "truncate === 'end' ? ids.length - maxTokens : 0",
      ],
    ],
  ),
];
