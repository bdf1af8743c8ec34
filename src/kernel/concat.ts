type Numbers = Uint8Array | Int32Array | Float32Array;

/** Arrays one after the other, in one that is as long as all of them. */
function concatInto<T extends Numbers>(create: (length: number) => T, parts: readonly T[]): T {
  const whole = create(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** All parts in one array; a single one is not copied. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && only.buffer instanceof ArrayBuffer) {
    return only as Uint8Array<ArrayBuffer>;
  }
  return concatInto<Uint8Array>((length) => new Uint8Array(length), parts) as Uint8Array<ArrayBuffer>;
}

/** All parts in an array of its own. */
export function concatInt32(parts: readonly Int32Array[]): Int32Array<ArrayBuffer> {
  return concatInto<Int32Array>((length) => new Int32Array(length), parts) as Int32Array<ArrayBuffer>;
}

/** All parts in an array of its own. */
export function concatFloat32(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  return concatInto<Float32Array>((length) => new Float32Array(length), parts) as Float32Array<ArrayBuffer>;
}
