import type { Context } from './contexts.ts';
import { demand } from './demand.ts';
import type { TinyHub } from './tiny-hub.ts';

/** A branch is asked for again by each context, a commit is not. */
const REVISIONS = ['main', '0123456789abcdef0123456789abcdef01234567'];

/** Two contexts want the same tokenizer at the same moment; one of them downloads it, and both have it. */
export async function shareTokenizer(
  contexts: readonly [Context, Context],
  { database, hub }: { readonly database: string; readonly hub: TinyHub },
): Promise<void> {
  for (const [index, revision] of REVISIONS.entries()) {
    // What is kept is kept by repository and revision.
    const options = { id: `tiny/${crypto.randomUUID()}`, revision, database: `${database}, ${index}` };
    const [one, other] = await Promise.all(contexts.map((context) => context.call('loadTogether', options)));
    demand(one !== undefined && other !== undefined, 'not both answered');
    demand(String(one.ids) === '2', `"hi" is ${one.ids}`);
    demand(one.fingerprint === other.fingerprint, `${one.fingerprint} is not ${other.fingerprint}`);
    const downloads = hub.downloads.filter((file) => file.startsWith(options.id));
    const expected = ['tokenizer.json', 'tokenizer_config.json'].map((file) => `${options.id}/${file}`);
    demand(one.hasLocks && other.hasLocks, 'there are no locks');
    demand(String([...downloads].sort()) === String(expected), `downloaded of ${revision}: ${downloads}`);
  }
}
