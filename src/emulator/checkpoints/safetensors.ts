import { decodeUtf8, encodeUtf8 } from '../../kernel/bytes.ts';

/** A named float32 array with a shape. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** What a safetensors file holds. */
export interface TensorFile {
  /** Free text by name. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: readonly NamedTensor[];
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/**
 * Write the safetensors format: the header's length as a little-endian u64, the header as JSON (names, types, shapes,
 * offsets; padded with spaces to a multiple of 8), then the arrays, little-endian.
 */
export function encodeSafetensors({ metadata, tensors }: TensorFile): Uint8Array<ArrayBuffer> {
  const header: Record<string, object> = { __metadata__: metadata };
  let end = 0;
  for (const { name, shape, values } of tensors) {
    const begin = end;
    end += values.byteLength;
    header[name] = { dtype: 'F32', shape, data_offsets: [begin, end] };
  }
  const text = JSON.stringify(header);
  const unpadded = encodeUtf8(text).length;
  const headerBytes = encodeUtf8(text + ' '.repeat((8 - (unpadded % 8)) % 8));
  const start = 8 + headerBytes.length;
  const file = new Uint8Array(start + end);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(headerBytes.length), true);
  file.set(headerBytes, 8);
  let offset = start;
  for (const { values } of tensors) {
    for (let i = 0; i < values.length; i++, offset += 4) view.setFloat32(offset, values[i] ?? 0, true);
  }
  return file;
}

/** Read it back. @throws RangeError - for a file that is cut or holds anything but float32 arrays. */
export function decodeSafetensors(file: Uint8Array): TensorFile {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerLength = file.length < 8 ? Number.NaN : Number(view.getBigUint64(0, true));
  const start = 8 + headerLength;
  if (!(start <= file.length))
    throw new RangeError(`The file of ${file.length} bytes is cut inside its header`);
  const header = JSON.parse(decodeUtf8(file.subarray(8, start))) as Record<string, unknown>;
  const { __metadata__, ...entries } = header;
  const tensors = Object.entries(entries as Record<string, HeaderEntry>).map(([name, entry]) => {
    const { dtype, shape, data_offsets } = entry;
    const [begin, end] = data_offsets;
    const length = shape.reduce((product, axis) => product * axis, 1);
    if (dtype !== 'F32') throw new RangeError(`Tensor ${name} has type ${dtype}; only F32 is read`);
    if (end - begin !== 4 * length || start + end > file.length) {
      throw new RangeError(`Tensor ${name} does not fit: bytes ${begin} to ${end} of ${file.length - start}`);
    }
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) values[i] = view.getFloat32(start + begin + 4 * i, true);
    return { name, shape, values };
  });
  return { metadata: (__metadata__ ?? {}) as Record<string, string>, tensors };
}
