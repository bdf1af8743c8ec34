import { fieldsOf } from '../http/fields.ts';
import { type Call, json, problem, type Routes } from '../http/http.ts';
import { pageOf, readPage } from '../http/page.ts';
import { checkpointBody } from '../rest-records.ts';
import type { EmulatorState } from '../state.ts';
import type { CheckpointRecord } from './checkpoint-index.ts';
import { pathOfId } from './checkpoint-path.ts';
import { ttlMsOf } from './checkpoint-ttl.ts';

/** Checkpoints on a page, unless the caller asks for another number (protocol 7). */
const DEFAULT_LIMIT = 100;

const CHECKPOINT = 'training_runs/:run/checkpoints/*checkpoint';

/** Routes that list checkpoints and change what becomes of them (protocol 2.9). Only their owner may. */
export function checkpointRoutes(state: EmulatorState): Routes {
  const { checkpoints, usage, audit, clock } = state;

  async function setPublic({ params, account }: Call, isPublic: boolean): Promise<Response> {
    const record = await requireOwned(state, params, account.id);
    const { path } = record;
    if (record.isPublic === isPublic)
      throw problem(409, `"${path}" is ${isPublic ? 'public' : 'private'} already`);
    await checkpoints.change(record, { isPublic });
    audit.record(account.id, isPublic ? 'publish_checkpoint' : 'unpublish_checkpoint', { path });
    return new Response(null, { status: 204 });
  }

  async function remove({ params, account }: Call, id: string): Promise<Response> {
    const record = await requireOwned(state, { ...params, checkpoint: id }, account.id);
    await checkpoints.delete(record);
    usage.keepUntil(record.path, clock.now());
    audit.record(account.id, 'delete_checkpoint', { path: record.path });
    return new Response(null, { status: 204 });
  }

  return {
    'GET checkpoints': async ({ query, account }) => {
      const page = readPage(query, DEFAULT_LIMIT);
      const own = (await checkpoints.list()).filter(({ owner }) => owner === account.id);
      const { items, cursor } = pageOf(own, page);
      return json({ checkpoints: items.map(checkpointBody), cursor });
    },
    [`POST ${CHECKPOINT}/publish`]: (call) => setPublic(call, true),
    [`PUT ${CHECKPOINT}/ttl`]: async ({ body, params, account }) => {
      const fields = fieldsOf(body);
      const ttlMs =
        fields.raw('ttl_seconds') === null ? undefined : ttlMsOf(fields.integer('ttl_seconds'), 400);
      const record = await requireOwned(state, params, account.id);
      const expiresAt = ttlMs === undefined ? undefined : clock.now() + ttlMs;
      await checkpoints.change(record, { expiresAt });
      usage.keepUntil(record.path, expiresAt);
      audit.record(account.id, 'set_checkpoint_ttl', { path: record.path });
      return new Response(null, { status: 204 });
    },
    // Before the route of `publish`, which is a name like any other.
    'DELETE training_runs/:run/checkpoints/weights/:name': (call) =>
      remove(call, `weights/${call.params['name']}`),
    'DELETE training_runs/:run/checkpoints/sampler_weights/:name': (call) =>
      remove(call, `sampler_weights/${call.params['name']}`),
    [`DELETE ${CHECKPOINT}/publish`]: (call) => setPublic(call, false),
    [`DELETE ${CHECKPOINT}`]: (call) => remove(call, call.params['checkpoint'] ?? ''),
  };
}

/** @throws HttpProblem 400 - for an id that is none; 404 where there is no such checkpoint, or it is another's. */
async function requireOwned(
  { checkpoints }: EmulatorState,
  params: Call['params'],
  accountId: string,
): Promise<CheckpointRecord> {
  const path = pathOfId(params['run'] ?? '', params['checkpoint'] ?? '');
  const record = await checkpoints.find(path);
  if (record?.owner !== accountId) throw problem(404, `There is no checkpoint at "${path}"`);
  return record;
}
