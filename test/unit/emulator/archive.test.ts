import { beforeEach, describe, expect, it } from 'vitest';
import { decodeSafetensors } from '../../../src/emulator/checkpoints/safetensors.ts';
import { decodeTar } from '../../support/decode-tar.ts';
import { type EmulatorCalls, emulatorCalls } from '../../support/emulator-calls.ts';

const MINUTE_MS = 60_000;

let calls: EmulatorCalls;
let modelId: string;
beforeEach(async () => {
  calls = emulatorCalls();
  ({ modelId } = await calls.model());
  await calls.result('save_weights', { model_id: modelId, path: 'w', seq_id: 1 });
});

const archive = (checkpoint: string, reader = calls) =>
  reader.call(`training_runs/${modelId}/checkpoints/${checkpoint}/archive`);
const linkTo = async (checkpoint: string) => (await archive(checkpoint)).headers.get('location') ?? '';
/** As whoever holds the link: without a key. */
const download = (link: string, headers: Record<string, string> = {}) =>
  calls.as(undefined).call(link, undefined, { headers });

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

describe('an archive', () => {
  it('is a tar of what PEFT loads', async () => {
    const { status, headers, bytes } = await download(await linkTo('weights/w'));
    expect([status, headers.get('content-type')]).toEqual([200, 'application/x-tar']);
    expect(headers.get('content-length')).toBe(String(bytes.length));
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="${modelId.replaceAll(':', '_')}_weights_w.tar"`,
    );
    const files = decodeTar(bytes);
    expect(files.map(({ name, modifiedAt }) => [name, modifiedAt])).toEqual([
      ['adapter_config.json', 1_700_000_000_000],
      ['adapter_model.safetensors', 1_700_000_000_000],
      ['checkpoint_complete', 1_700_000_000_000],
    ]);
    const config = JSON.parse(text(files[0]?.bytes));
    expect(config).toMatchObject({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: 'emulator/tiny',
      r: 4,
      lora_alpha: 32,
      lora_dropout: 0,
      bias: 'none',
    });
    expect(config.target_modules).toEqual([
      'q_proj',
      'k_proj',
      'v_proj',
      'o_proj',
      'gate_proj',
      'up_proj',
      'down_proj',
      'lm_head',
    ]);
    const { metadata, tensors } = decodeSafetensors(files[1]?.bytes ?? new Uint8Array());
    expect(metadata).toEqual({ format: 'pt' });
    const shapes = Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]));
    expect(Object.keys(shapes)).toHaveLength(2 * 8);
    expect(shapes).toMatchObject({
      'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight': [4, 16],
      'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight': [16, 4],
      'base_model.model.model.layers.0.mlp.down_proj.lora_A.weight': [4, 16],
      'base_model.model.lm_head.lora_B.weight': [256, 4],
    });
    expect(tensors[0]?.values.some((value) => value !== 0)).toBe(true);
  });

  it('names only the modules that are trained', async () => {
    const { modelId: id } = await calls.model({
      lora_config: { rank: 2, train_mlp: false, train_unembed: false },
    });
    await calls.result('save_weights_for_sampler', { model_id: id, path: 's', seq_id: 1 });
    const link = (await calls.call(`training_runs/${id}/checkpoints/sampler_weights/s/archive`)).headers;
    const files = decodeTar((await download(link.get('location') ?? '')).bytes);
    const { r, target_modules } = JSON.parse(text(files[0]?.bytes));
    expect({ r, target_modules }).toEqual({ r: 2, target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'] });
  });

  it('is the same bytes every time, and others for another checkpoint', async () => {
    const first = await download(await linkTo('weights/w'));
    await calls.clock.advance(5 * MINUTE_MS);
    const second = await download(await linkTo('weights/w'));
    expect(second.bytes).toEqual(first.bytes);
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
    await calls.result('save_weights', { model_id: modelId, path: 'w', seq_id: 2, overwrite: true });
    const third = await download(await linkTo('weights/w'));
    expect(third.headers.get('etag')).not.toBe(first.headers.get('etag'));
  });

  it('can be continued where it was cut', async () => {
    const link = await linkTo('weights/w');
    const { bytes, headers } = await download(link);
    const etag = headers.get('etag') ?? '';
    expect(headers.get('accept-ranges')).toBe('bytes');
    for (const start of [1, 700, bytes.length - 1]) {
      const rest = await download(link, { range: `bytes=${start}-`, 'if-range': etag });
      expect(rest.status).toBe(206);
      expect(rest.headers.get('content-range')).toBe(`bytes ${start}-${bytes.length - 1}/${bytes.length}`);
      expect(rest.headers.get('content-length')).toBe(String(bytes.length - start));
      expect(rest.headers.get('etag')).toBe(etag);
      expect(rest.bytes).toEqual(bytes.slice(start));
    }
    expect((await download(link, { range: `bytes=${bytes.length}-` })).status).toBe(416);
    // What was cut is of another time: all of it again.
    expect((await download(link, { range: 'bytes=700-', 'if-range': '"other"' })).bytes).toEqual(bytes);
  });
});

describe('a link', () => {
  it('leads to the same host, without a key, for a quarter of an hour', async () => {
    const { status, headers, bytes } = await archive('weights/w');
    expect([status, bytes.length]).toEqual([302, 0]);
    const link = headers.get('location') ?? '';
    expect(link).toMatch(
      new RegExp(
        `^https://host/any/base/api/v1/training_runs/${modelId}/checkpoints/weights/w/download\\?token=[0-9a-f.]+$`,
      ),
    );
    expect(headers.get('expires')).toBe('Tue, 14 Nov 2023 22:28:20 GMT');
    await calls.clock.advance(15 * MINUTE_MS - 1);
    expect((await download(link)).status).toBe(200);
    await calls.clock.advance(1);
    expect(await download(link)).toMatchObject({ status: 410, body: { detail: 'The link has expired' } });
    expect((await download(await linkTo('weights/w'))).status).toBe(200);
  });

  it('opens nothing else, and cannot be made up', async () => {
    await calls.result('save_weights', { model_id: modelId, path: 'v', seq_id: 2 });
    const link = await linkTo('weights/w');
    const token = new URL(link).searchParams.get('token') ?? '';
    const [expiry, signature] = token.split('.');
    const invalid = { status: 403, body: { detail: 'The link is not valid' } };
    const [plain] = link.split('?');
    for (const bad of [
      plain,
      `${plain}?token=`,
      `${plain}?token=${Number(expiry) + 1000}.${signature}`,
      `${plain}?token=${token}0`,
      link.replace('/weights/w/', '/weights/v/'),
    ]) {
      expect(await download(bad ?? '')).toMatchObject(invalid);
    }
    const other = emulatorCalls({ clock: calls.clock });
    expect(await other.call(link)).toMatchObject(invalid);
  });

  it('needs no key to follow, but one to get', async () => {
    const guarded = emulatorCalls({ apiKey: 'tml-first' });
    const { modelId: id } = await guarded.model();
    await guarded.result('save_weights', { model_id: id, path: 'w', seq_id: 1 });
    const url = `training_runs/${id}/checkpoints/weights/w/archive`;
    expect((await guarded.as(undefined).call(url)).status).toBe(401);
    const link = (await guarded.call(url)).headers.get('location') ?? '';
    expect((await guarded.as(undefined).call(link)).status).toBe(200);
  });

  it('is given to whoever may read, and leads nowhere once the checkpoint is gone', async () => {
    const other = calls.as('tml-other');
    expect((await archive('weights/w', other)).status).toBe(404);
    await calls.call(`training_runs/${modelId}/checkpoints/weights/w/publish`, undefined, { method: 'POST' });
    expect((await archive('weights/w', other)).status).toBe(302);
    expect((await archive('weights/none')).status).toBe(404);
    const link = await linkTo('weights/w');
    await calls.call(`training_runs/${modelId}/checkpoints/weights/w`, undefined, { method: 'DELETE' });
    expect((await download(link)).status).toBe(404);
  });
});
