import { TinkerInputError } from '../kernel/errors.ts';

/** First byte of a container whose elements are all the same. */
const CONSTANT_MARKER = 254;
/** Data types are numbered from 0 to here; 4 is uint8. */
const LAST_DTYPE = 7;
/** A varint has as many bits as fit into a shift of at most this. */
const LAST_SHIFT = 63n;

/**
 * Lengths of a serialised tensor's axes, read from its header (protocol 4.9): an optional marker of a constant, a data
 * type, the number of axes, and their lengths, as LEB128.
 *
 * @throws TinkerInputError - naming what is wrong with the header.
 */
export function tensorContainerShape(field: string, bytes: Uint8Array): number[] {
  if (bytes.length === 0) throw new TinkerInputError(field, 'is empty: it must be a serialised tensor');
  let at = bytes[0] === CONSTANT_MARKER ? 1 : 0;
  const next = (): number => {
    const byte = bytes[at++];
    if (byte !== undefined) return byte;
    throw new TinkerInputError(field, `is not a serialised tensor: Truncated after ${bytes.length} bytes`);
  };
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; shift <= LAST_SHIFT; shift += 7n) {
      const byte = next();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return exact(field, value);
    }
    throw new TinkerInputError(field, 'is not a serialised tensor: a varint is too long');
  };

  const dtype = next();
  if (dtype > LAST_DTYPE) {
    throw new TinkerInputError(
      field,
      `is not a serialised tensor: Unknown TensorContainer dtype byte, must be <= ${LAST_DTYPE}, got ${dtype}`,
    );
  }
  const axes = varint();
  const shape: number[] = [];
  while (shape.length < axes) shape.push(varint());
  return shape;
}

/** Length of one axis of a serialised tensor. @throws TinkerInputError */
export function tensorContainerDimension(field: string, bytes: Uint8Array, axis: number): number {
  const shape = tensorContainerShape(field, bytes);
  const length = shape[axis];
  if (length !== undefined) return length;
  throw new TinkerInputError(field, `has no dimension ${axis}: it is a serialised tensor of ${shape.length}`);
}

function exact(field: string, value: bigint): number {
  if (value <= Number.MAX_SAFE_INTEGER) return Number(value);
  throw new TinkerInputError(
    field,
    `is not a serialised tensor: a dimension must be <= ${Number.MAX_SAFE_INTEGER}, got ${value}`,
  );
}
