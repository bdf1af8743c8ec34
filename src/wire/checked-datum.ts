/** A piece of a model's input that is safe to send: own copies, of the right types. */
export type CheckedChunk =
  | { readonly type: 'encoded_text'; readonly tokens: Int32Array }
  | {
      readonly type: 'image';
      readonly data: Uint8Array;
      readonly format: 'png' | 'jpeg';
      readonly expectedTokens: number | undefined;
    }
  | {
      readonly type: 'image_asset_pointer';
      readonly format: 'png' | 'jpeg';
      readonly location: string;
      readonly expectedTokens: number | undefined;
    }
  | { readonly type: 'dmel'; readonly dmel: Uint8Array };

/** A tensor of a loss that is safe to send. */
export interface CheckedTensor {
  /** Row-major; the non-zero values only where `sparse` is there. An `Int32Array` stands for int64: token ids. */
  readonly data: Int32Array | BigInt64Array | Float32Array;
  readonly dtype: 'int64' | 'float32';
  readonly shape: readonly number[];
  /** Compressed sparse rows of a 2-D tensor: sent so in protobuf, made dense in JSON (servers.md 2.1 item 8). */
  readonly sparse?: { readonly crowIndices: BigInt64Array; readonly colIndices: BigInt64Array } | undefined;
}

/** A datum that is safe to send. */
export interface CheckedDatum {
  readonly chunks: readonly CheckedChunk[];
  readonly lossFnInputs: Readonly<Record<string, CheckedTensor>>;
}
