import { problem } from '../http/http.ts';

/** A tensor of a datum, dense, however it was sent. */
export interface TrainingTensor {
  /** As the request names it; undefined where a JSON request leaves it out. */
  readonly dtype: 'int64' | 'float32' | undefined;
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float32Array | Float64Array;
}

/** Compressed sparse rows of a matrix (protocol 4.3). */
export interface SparseRows {
  /** Where each row's values start, and the last one's end. */
  readonly rowStarts: ArrayLike<number>;
  /** The column of each value. */
  readonly columns: ArrayLike<number>;
}

/** @throws HttpProblem 422 - where the values do not fill the shape. Without a shape they are a vector. */
export function denseTensor(
  { dtype, values }: Omit<TrainingTensor, 'shape'>,
  shape: readonly number[] | undefined,
  at: string,
): TrainingTensor {
  if (shape === undefined) return { dtype, values, shape: [values.length] };
  if (sizeOf(shape, at) === values.length) return { dtype, values, shape };
  throw problem(
    422,
    `${at} has ${values.length} values; its shape [${shape.join(', ')}] holds ${sizeOf(shape, at)}`,
  );
}

/** The same of a sparse one; what is left out is 0. @throws HttpProblem 422 - where the rows do not fit the shape. */
export function sparseTensor(
  { dtype, values }: Omit<TrainingTensor, 'shape'>,
  shape: readonly number[] | undefined,
  { rowStarts, columns }: SparseRows,
  at: string,
): TrainingTensor {
  const [rows, width] = shape ?? [];
  if (shape?.length !== 2 || rows === undefined || width === undefined)
    throw problem(422, `${at} is sparse; it needs a shape of two dimensions`);
  const size = sizeOf(shape, at);
  const wrong = (what: string) =>
    problem(422, `${at} is no sparse tensor of the shape [${rows}, ${width}]: ${what}`);
  if (size > MAX_DENSE) throw wrong(`it may hold ${MAX_DENSE} values`);
  const dense = new Float64Array(size);
  if (rowStarts.length !== rows + 1)
    throw wrong(`it has ${rowStarts.length} row indices instead of ${rows + 1}`);
  if (columns.length !== values.length)
    throw wrong(`${values.length} values have ${columns.length} column indices`);
  if (rowStarts[0] !== 0 || rowStarts[rows] !== values.length)
    throw wrong(
      `its row indices go from ${rowStarts[0]} to ${rowStarts[rows]}, its values from 0 to ${values.length}`,
    );
  for (let row = 0; row < rows; row++) {
    const [start, end] = [rowStarts[row]!, rowStarts[row + 1]!];
    if (!(start <= end && end <= values.length))
      throw wrong(`row ${row} starts at ${start} and ends at ${end}`);
    for (let i = start; i < end; i++) {
      const column = columns[i]!;
      if (!(Number.isInteger(column) && column >= 0 && column < width))
        throw wrong(`value ${i} is in column ${column}`);
      dense[row * width + column] = values[i]!;
    }
  }
  return { dtype, shape, values: dense };
}

/** Most values of a sparse tensor once it is dense: far beyond what a context holds, and few enough to be kept. */
const MAX_DENSE = 2 ** 22;

function sizeOf(shape: readonly number[], at: string): number {
  if (shape.every((dimension) => Number.isInteger(dimension) && dimension >= 0))
    return shape.reduce((product, dimension) => product * dimension, 1);
  throw problem(422, `${at} has the shape [${shape.join(', ')}], which cannot be`);
}
