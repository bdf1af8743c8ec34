/** A tensor of a safetensors file. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Its numbers of 32 bits, little-endian, in a buffer of their own. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface Header {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Open a file of float32 tensors: the length of a header, the header in JSON, the numbers. In order of their names. */
export function readSafetensors(file: Uint8Array): StoredTensor[] {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const text = new TextDecoder().decode(file.subarray(8, 8 + length));
  const { __metadata__: _, ...headers } = JSON.parse(text) as Readonly<Record<string, Header>>;
  return Object.entries(headers)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [start, end],
        },
      ]) => {
        if (dtype !== 'F32') throw new Error(`${name} is of the type ${dtype}`);
        return { name, shape, bytes: Uint8Array.from(file.subarray(8 + length + start, 8 + length + end)) };
      },
    );
}
