import { toHex } from '../../kernel/bytes.ts';
import { httpDate } from '../../kernel/clock.ts';
import { sha256 } from '../../kernel/sha256.ts';
import { serveBytes } from '../http/byte-range.ts';
import { type Call, problem, type Routes } from '../http/http.ts';
import type { EmulatorState } from '../state.ts';
import { findReadable } from './checkpoint-access.ts';
import type { CheckpointRecord } from './checkpoint-index.ts';
import { pathOfId } from './checkpoint-path.ts';
import { adapterTensors } from './checkpoints.ts';
import { peftFiles } from './peft.ts';
import { encodeTar } from './tar.ts';

/** How long a link to an archive opens it. */
const LINK_LIFETIME_MS = 15 * 60_000;

const CHECKPOINT = 'training_runs/:run/checkpoints/*checkpoint';

/** The route that gives a link to a checkpoint's archive (protocol 2.9). */
export function archiveRoutes(state: EmulatorState): Routes {
  return {
    [`GET ${CHECKPOINT}/archive`]: async ({ request, params, account }) => {
      const path = pathOf(params);
      const record = await findReadable(state, path, { accountId: account.id, token: undefined });
      if (record === undefined) throw problem(404, `There is no checkpoint at "${path}"`);
      const { token, expiresAt } = state.links.sign(path, LINK_LIFETIME_MS);
      state.audit.record(account.id, 'download_checkpoint', { path });
      const location = new URL(request.url);
      location.pathname = location.pathname.replace(/\/archive$/, '/download');
      location.search = `?token=${token}`;
      return new Response(null, {
        status: 302,
        headers: { location: location.href, expires: httpDate(expiresAt) },
      });
    },
  };
}

/** The route that such a link leads to. It asks for no key: whoever holds the link may read. */
export function downloadRoutes(state: EmulatorState): Routes {
  return {
    [`GET ${CHECKPOINT}/download`]: async ({ request, params, query }) => {
      const path = pathOf(params);
      state.links.verify(path, query.get('token'));
      const record = await state.checkpoints.find(path);
      const archive = record && (await archiveOf(state, record));
      if (archive === undefined) throw problem(404, `There is no checkpoint at "${path}"`);
      const fileName = `${path.replace('tinker://', '').replaceAll(/[/:]/g, '_')}.tar`;
      return serveBytes(request, archive, {
        'content-type': 'application/x-tar',
        'content-disposition': `attachment; filename="${fileName}"`,
        etag: `"${toHex(sha256(archive).subarray(0, 16))}"`,
      });
    },
  };
}

/** The same checkpoint gives the same bytes: what was cut off can be continued. */
async function archiveOf(
  { checkpoints }: EmulatorState,
  record: CheckpointRecord,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = await checkpoints.read(record);
  if (file === undefined) return undefined;
  const tensors = adapterTensors(file);
  const files = peftFiles({ tensors, rank: record.lora.rank, baseModel: record.baseModel });
  return encodeTar(files, record.savedAt);
}

function pathOf(params: Call['params']): string {
  return pathOfId(params['run'] ?? '', params['checkpoint'] ?? '');
}
