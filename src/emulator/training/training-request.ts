import { type Fields, fieldsOf, readNumbers } from '../http/fields.ts';
import { problem } from '../http/http.ts';
import { type InputChunk, readJsonChunks } from './input-chunk.ts';
import { denseTensor, sparseTensor, type TrainingTensor } from './training-tensor.ts';

/** A batch as a request brings it, in either encoding; nothing but its form is checked. */
export interface TrainingRequest {
  readonly data: readonly TrainingDatum[];
  readonly lossFn: string;
  readonly lossFnConfig: ReadonlyMap<string, number>;
}

/** One example. */
export interface TrainingDatum {
  readonly chunks: readonly InputChunk[];
  readonly tensors: ReadonlyMap<string, TrainingTensor>;
}

/** Read `forward_input` or `forward_backward_input` (protocol 4.8). @throws HttpProblem 422 */
export function readJsonTraining(input: Fields, at: string): TrainingRequest {
  const data = input.list('data').map((value, index) => readDatum(value, `${at}.data[${index}]`));
  const lossFn = input.text('loss_fn');
  return { data, lossFn, lossFnConfig: readConfig(input.optionalObject('loss_fn_config')) };
}

function readConfig(config: Fields | undefined): Map<string, number> {
  const values = new Map<string, number>();
  if (config === undefined) return values;
  for (const name of config.names()) if (!config.isMissing(name)) values.set(name, config.number(name, 0));
  return values;
}

function readDatum(value: unknown, at: string): TrainingDatum {
  const datum = fieldsOf(value, at);
  const inputs = datum.object('loss_fn_inputs');
  const where = `${at}.loss_fn_inputs`;
  return {
    chunks: readJsonChunks(datum.object('model_input'), `${at}.model_input`),
    tensors: new Map(
      inputs
        .names()
        .filter((name) => !inputs.isMissing(name))
        .map((name) => [name, readTensor(inputs.object(name), `${where}.${name}`)]),
    ),
  };
}

function readTensor(tensor: Fields, at: string): TrainingTensor {
  const dtype = tensor.optionalText('dtype');
  if (dtype !== undefined && dtype !== 'int64' && dtype !== 'float32')
    throw problem(422, `${at}.dtype is "${dtype}"; it must be "int64" or "float32"`);
  const numbers = (name: string): Float64Array => readNumbers(tensor.list(name), `${at}.${name}`);
  const optional = (name: string): Float64Array | undefined =>
    tensor.isMissing(name) ? undefined : numbers(name);
  const values = { dtype, values: numbers('data') } as const;
  const shape = optional('shape');
  const dimensions = shape === undefined ? undefined : Array.from(shape);
  const [rowStarts, columns] = [optional('sparse_crow_indices'), optional('sparse_col_indices')];
  if (rowStarts === undefined && columns === undefined) return denseTensor(values, dimensions, at);
  if (rowStarts !== undefined && columns !== undefined)
    return sparseTensor(values, dimensions, { rowStarts, columns }, at);
  throw problem(422, `${at} needs both sparse_crow_indices and sparse_col_indices, or neither`);
}
