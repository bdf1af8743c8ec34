import { show } from '../../kernel/checks.ts';
import { TinkerResponseError } from '../../kernel/errors.ts';
import type { TensorData } from '../types/datum.ts';
import type { ForwardBackwardOutput } from '../types/training.ts';
import {
  type BatchedTensor,
  batchedTensorCount,
  emptyBatchedTensor,
  mergeBatchedTensor,
  splitBatchedTensor,
} from './batched-tensor.ts';
import { readMessage } from './protobuf-reader.ts';

/** Most datums a result may have: a count takes a few bytes to claim, and as much memory as it says to believe. */
const MAX_DATUMS = 0x10_0000;

/** Fields of a map's entry. */
const ENTRY: readonly string[] = ['key', 'value'];

/** What a property is that was assigned. */
const PLAIN = { configurable: true, enumerable: true, writable: true };

/** Outputs of some datums, in one tensor per name (protocol 4.2). */
interface ArrayRecord {
  readonly fields: Map<string, BatchedTensor>;
  /** 0 where the server does not say. */
  numDatums: number;
}

/**
 * Result of a forward pass as protobuf (protocol 4.6). The tensors are views of `bytes` where those are aligned, each of its
 * own part; nothing else may write to `bytes` afterwards.
 *
 * @throws TinkerResponseError - naming message and field.
 */
export function decodeForwardBackwardOutput(bytes: Uint8Array): ForwardBackwardOutput {
  let type = '';
  const records: ArrayRecord[] = [];
  const metrics = new Map<string, number>();
  const names = ['loss_fn_output_type', 'loss_fn_outputs', 'metrics'];
  readMessage('ForwardBackwardOutput', names, bytes, (field) => {
    if (field.number === 1) type = field.string();
    else if (field.number === 2) records.push(readRecord(field.bytes()));
    else readMetric(field.bytes(), metrics);
  });
  return {
    lossFnOutputType: records.length === 0 ? type || 'ArrayRecord' : type.slice(type.lastIndexOf(':') + 1),
    lossFnOutputs: joinRecords(records),
    // Not by assignment: a name may be `__proto__`.
    metrics: Object.fromEntries(metrics),
  };
}

function readRecord(bytes: Uint8Array): ArrayRecord {
  const record: ArrayRecord = { fields: new Map(), numDatums: 0 };
  readMessage('ArrayRecord', ['type_tag', 'fields', 'num_datums'], bytes, (field) => {
    if (field.number === 2) readRecordField(field.bytes(), record.fields);
    else if (field.number === 3) record.numDatums = field.int64();
    // The tag says nothing that is read.
    else field.bytes();
  });
  return record;
}

function readRecordField(bytes: Uint8Array, fields: Map<string, BatchedTensor>): void {
  let key = '';
  const tensor = emptyBatchedTensor();
  readMessage('ArrayRecord.fields', ENTRY, bytes, (field) => {
    if (field.number === 1) key = field.string();
    else mergeBatchedTensor(tensor, field.bytes());
  });
  fields.set(key, tensor);
}

function readMetric(bytes: Uint8Array, metrics: Map<string, number>): void {
  let key = '';
  let metric = 0;
  readMessage('ForwardBackwardOutput.metrics', ENTRY, bytes, (field) => {
    if (field.number === 1) key = field.string();
    else metric = field.double();
  });
  metrics.set(key, metric);
}

/** Put the datums of all records in a row: every field must have a tensor for every datum. */
function joinRecords(records: readonly ArrayRecord[]): Record<string, TensorData>[] {
  const counts = datumCounts(records);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total > MAX_DATUMS) {
    throw new TinkerResponseError(`ArrayRecord.num_datums adds up to ${total}, more than ${MAX_DATUMS}`);
  }
  const columns = new Map<string, TensorData[]>();
  records.forEach(({ fields }, r) => {
    for (const [name, batched] of fields) {
      const where = `ForwardBackwardOutput.loss_fn_outputs[${r}].fields[${show(name)}]`;
      const column = columns.get(name) ?? [];
      columns.set(name, column);
      for (const tensor of splitBatchedTensor(batched, counts[r] ?? 0, where)) column.push(tensor);
    }
  });
  for (const [name, { length }] of columns) {
    if (length === total) continue;
    throw new TinkerResponseError(
      `ForwardBackwardOutput.loss_fn_outputs: field ${show(name)} has ${length} tensors for ${total} datums`,
    );
  }
  return rowsOf([...columns], total);
}

/** One object a datum, of a tensor from each column. Loops: there are as many as datums. */
function rowsOf(
  columns: readonly (readonly [name: string, column: readonly TensorData[]])[],
  total: number,
): Record<string, TensorData>[] {
  const rows: Record<string, TensorData>[] = [];
  for (let i = 0; i < total; i++) {
    const row: Record<string, TensorData> = {};
    for (const [name, column] of columns) {
      // The one name that is not assigned like any other.
      if (name === '__proto__') Object.defineProperty(row, name, { ...PLAIN, value: column[i] });
      else row[name] = column[i]!;
    }
    rows.push(row);
  }
  return rows;
}

/** Number of datums of each record: what they say, or, where none of them does, what their first fields hold. */
function datumCounts(records: readonly ArrayRecord[]): number[] {
  if (records.some(({ numDatums }) => numDatums < 0)) {
    throw new TinkerResponseError('ArrayRecord.num_datums is negative');
  }
  const isCounted = records.some(({ numDatums }) => numDatums > 0);
  return records.map(({ fields, numDatums }) => {
    const [first] = fields.values();
    return isCounted || first === undefined ? numDatums : batchedTensorCount(first);
  });
}
