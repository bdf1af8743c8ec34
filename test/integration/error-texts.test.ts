import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { isTinkerError, type TinkerError, type TinkerErrorCode } from '../../src/index.ts';
import { DATA_MISTAKES, SAMPLING_MISTAKES, TRAINING_MISTAKES } from '../support/error-texts/arguments.ts';
import { CONNECTIONS } from '../support/error-texts/connections.ts';
import { type ErrorFixtures, SECRET_KEY } from '../support/error-texts/fixture.ts';
import { OTHER_MISTAKES } from '../support/error-texts/functions.ts';
import { LIMITS } from '../support/error-texts/limits.ts';
import { ORDER, TIMES } from '../support/error-texts/operations.ts';
import { OPTION_MISTAKES } from '../support/error-texts/options.ts';
import { ARCHIVES, RECORD_FAILURES, RECORD_MISTAKES } from '../support/error-texts/records.ts';
import { RESUMING } from '../support/error-texts/resuming.ts';
import { CONFUSIONS, FAILED_OPERATIONS, REFUSALS } from '../support/error-texts/servers.ts';
import { forbidUnhandledRejections } from '../support/unhandled.ts';

// What users read when something is wrong: which object, which value, why, and what to do next. All of it is in one
// file; after a change of a message, write it anew with UPDATE_ERROR_TEXTS=1, and read what changed.

const GOLDEN = fileURLToPath(new URL('../golden/error-texts.md', import.meta.url));
const HEAD = `# Errors as users meet them

Written by \`test/integration/error-texts.test.ts\` with \`UPDATE_ERROR_TEXTS=1\`, and read by hand. After the arrow comes the
\`hint\`: what to do next.
`;

const GROUPS: readonly ErrorFixtures[] = [
  OPTION_MISTAKES,
  DATA_MISTAKES,
  TRAINING_MISTAKES,
  SAMPLING_MISTAKES,
  OTHER_MISTAKES,
  REFUSALS,
  CONFUSIONS,
  FAILED_OPERATIONS,
  CONNECTIONS,
  TIMES,
  ORDER,
  LIMITS,
  RESUMING,
  RECORD_MISTAKES,
  RECORD_FAILURES,
  ARCHIVES,
];

/** What an error is, in one line. */
function kindOf(error: TinkerError): string {
  const facts = [
    error.code,
    error.category,
    error.retryable ? 'retryable' : 'final',
    ...(isTinkerError(error, 'input_invalid') ? [`field ${error.field}`] : []),
    ...(isTinkerError(error, 'http_status') ? [`status ${error.status}`] : []),
    ...(isTinkerError(error, 'timed_out') ? [`scope ${error.scope}`] : []),
    ...(isTinkerError(error, 'limit_reached') ? [`scope ${error.scope}`] : []),
    ...(error.requestId === undefined ? [] : [`request ${error.requestId}`]),
  ];
  return `${error.name} (${facts.join(', ')})`;
}

/** An entry of the golden file. */
function entryOf(name: string, error: TinkerError): string {
  const { message, hint } = error;
  if (hint === undefined) return `### ${name}\n\n${kindOf(error)}\n\n> ${message}\n`;
  expect(message.endsWith(`. ${hint}`), `${message} ends with its hint`).toBe(true);
  return `### ${name}\n\n${kindOf(error)}\n\n> ${message.slice(0, -hint.length - 2)}\n>\n> → ${hint}\n`;
}

/** Whoever meets one of these can do something, and is told what. Of others the message says it, or there is nothing. */
const WITH_ADVICE: readonly TinkerErrorCode[] = [
  'batch_incomplete',
  'budget_exceeded',
  'circuit_open',
  'client_closed',
  'client_poisoned',
  'connection_failed',
  'limit_reached',
  'partly_failed',
  'result_expired',
  'submit_ambiguous',
  'timed_out',
];

const isUpdate = process.env['UPDATE_ERROR_TEXTS'] === '1';
const written: string[] = [HEAD];
let golden = '';

forbidUnhandledRejections();

beforeAll(() => {
  golden = isUpdate ? '' : readFileSync(GOLDEN, 'utf8');
});

describe.each(GROUPS)('$title', ({ title, fixtures }) => {
  it.each(fixtures)('$name', async ({ name, provoke }) => {
    const error = await provoke();
    if (!isTinkerError(error)) throw new Error(`It is no error of this package`, { cause: error });
    const entry = entryOf(name, error);
    expect(`${entry}${JSON.stringify(error)}`).not.toContain(SECRET_KEY);
    expect(WITH_ADVICE.includes(error.code) && error.hint === undefined, error.message).toBe(false);
    expect(error.message.length).toBeLessThan(500);
    if (isTinkerError(error, 'input_invalid'))
      expect(error.message.startsWith(`"${error.field}" `)).toBe(true);
    if (fixtures[0]?.name === name) written.push(`## ${title}\n`);
    written.push(entry);
    if (!isUpdate) expect(golden).toContain(entry);
  });
});

it('has every entry once, in order, and no other', () => {
  const whole = written.join('\n');
  if (isUpdate) writeFileSync(GOLDEN, whole);
  else expect(whole).toBe(golden);
});
