import type { NumberedRequest } from '../../src/operations/numbered-submission.ts';
import type { BodyForm } from '../../src/operations/wire-format.ts';

/** A submission as its server sees it. */
export interface SeenSubmission {
  readonly form: BodyForm;
  readonly sequenceId: number;
  /** Which call it belongs to; 0 for a filler. */
  readonly call: number;
}

/** A numbered request of a call, in each of its forms: tiny ones, of which each tells its number and its call. */
export function numberedRequest(call: number, more: Partial<NumberedRequest> = {}): NumberedRequest {
  return {
    path: '/api/v1/train',
    body: (sequenceId) => ({ seq_id: sequenceId, call }),
    protobuf: { path: '/api/v1/train', encode: (sequenceId) => Uint8Array.of(sequenceId, call) },
    ...more,
  };
}

/** A compressor whose mark {@link readSubmission} knows. */
export const fakeZstd = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  Uint8Array.of(0x28, ...bytes);

/** Read what {@link numberedRequest} made. */
export async function readSubmission(request: Request): Promise<SeenSubmission> {
  const bytes = new Uint8Array(await request.clone().arrayBuffer());
  if (!request.headers.get('content-type')?.includes('protobuf')) {
    const { seq_id, call } = JSON.parse(new TextDecoder().decode(bytes)) as { seq_id: number; call: number };
    return { form: 'json', sequenceId: seq_id, call };
  }
  const isPacked = request.headers.get('content-encoding') === 'zstd';
  const [sequenceId = 0, call = 0] = isPacked ? bytes.subarray(1) : bytes;
  return { form: isPacked ? 'zstd' : 'protobuf', sequenceId, call };
}
