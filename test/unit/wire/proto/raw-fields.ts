import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Parts one after another: the fields of a message. */
export function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A field of bytes, text, or a nested message. */
export function delimited(field: number, value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  return new BinaryWriter().tag(field, WireType.LengthDelimited).bytes(bytes).finish();
}

/** A field of a varint: an int32, int64, bool or enum. */
export function varint(field: number, value: number | bigint): Uint8Array {
  return new BinaryWriter().tag(field, WireType.Varint).int64(BigInt(value)).finish();
}

/** A field of eight bytes: a double. */
export function double(field: number, value: number): Uint8Array {
  return new BinaryWriter().tag(field, WireType.Bit64).double(value).finish();
}

/** A tag of any wire type, and bytes of any kind. */
export function raw(field: number, wireType: number, ...bytes: readonly number[]): Uint8Array {
  return new BinaryWriter().tag(field, wireType).raw(Uint8Array.from(bytes)).finish();
}
