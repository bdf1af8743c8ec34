import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  type DescriptorProtoSchema,
  type FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';

// protobuf-es as a second opinion. Its schema is made of the protocol's own table (4.2), so that no word of the codec's is in it.

const ENUMS: Readonly<Record<string, readonly string[]>> = {
  StopReason: ['STOP_REASON_STOP', 'STOP_REASON_LENGTH'],
  DType: ['DTYPE_UNSPECIFIED', 'DTYPE_FLOAT32', 'DTYPE_INT64', 'DTYPE_INT32', 'DTYPE_BFLOAT16'],
};

/** `number name [repeated | optional] type`; `name:` of a oneof before the type of its members. */
const MESSAGES: Readonly<Record<string, string>> = {
  SampleResponse:
    '1 sequences repeated SampledSequence; 2 prompt_logprobs optional bytes; 3 topk_prompt_logprobs optional TopkPromptLogprobs; 4 prompt_cache_hit_tokens int32',
  SampledSequence: '1 stop_reason StopReason; 2 tokens bytes; 3 logprobs optional bytes',
  TopkPromptLogprobs: '1 token_ids bytes; 2 logprobs bytes; 3 k uint32; 4 prompt_length uint32',
  SparseCsr: '1 values bytes; 2 crow_indices bytes; 3 col_indices bytes',
  Tensor: '1 dense encoding: bytes; 2 sparse_csr encoding: SparseCsr; 3 dtype DType; 4 shape repeated int64',
  BatchedTensor: '1 data bytes; 2 offsets bytes; 3 dtype DType; 4 trailing_shape repeated int64',
  ArrayRecord: '1 type_tag string; 2 fields map<string,BatchedTensor>; 3 num_datums int64',
  ForwardBackwardOutput:
    '1 loss_fn_output_type string; 2 loss_fn_outputs repeated ArrayRecord; 3 metrics map<string,double>',
  ForwardBackwardRequest:
    '1 model_id string; 2 seq_id int32; 3 data repeated Datum; 4 loss_fn string; 5 loss_fn_config map<string,double>; 6 forward_only bool',
  Datum: '1 model_input repeated Chunk; 2 loss_fn_inputs map<string,Tensor>',
  Chunk: '1 encoded_text chunk: EncodedTextChunk; 2 image chunk: ImageChunk; 3 dmel chunk: DmelChunk',
  EncodedTextChunk: '1 tokens bytes',
  ImageChunk: '1 data bytes; 2 format string; 3 expected_tokens optional int32',
  DmelChunk: '1 dmel bytes',
};

const SCALARS: Readonly<Record<string, Type>> = {
  bytes: Type.BYTES,
  string: Type.STRING,
  int32: Type.INT32,
  uint32: Type.UINT32,
  int64: Type.INT64,
  double: Type.DOUBLE,
  bool: Type.BOOL,
};

type FieldInit = MessageInitShape<typeof FieldDescriptorProtoSchema>;
type MessageInit = MessageInitShape<typeof DescriptorProtoSchema>;

function fieldInit(name: string, number: number, type: string, label: Label): FieldInit {
  const scalar = SCALARS[type];
  if (scalar !== undefined) return { name, number, label, type: scalar };
  const kind = Object.hasOwn(ENUMS, type) ? Type.ENUM : Type.MESSAGE;
  return { name, number, label, type: kind, typeName: `.tinker_public.${type}` };
}

function messageInit(name: string, text: string): MessageInit {
  const field: FieldInit[] = [];
  const nestedType: MessageInit[] = [];
  const oneofs: string[] = [];
  const optional: FieldInit[] = [];
  for (const part of text.split('; ')) {
    const [, number, fieldName = '', word = '', type = ''] =
      /^(\d+) (\w+) (?:(\w+:?) )?(\S+)$/.exec(part) ?? [];
    const [, mapped] = /^map<string,(\w+)>$/.exec(type) ?? [];
    const entry = fieldName.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase());
    const label = word === 'repeated' || mapped !== undefined ? Label.REPEATED : Label.OPTIONAL;
    const init = fieldInit(
      fieldName,
      Number(number),
      mapped === undefined ? type : `${name}.${entry}Entry`,
      label,
    );
    if (mapped !== undefined) {
      const pair = [
        fieldInit('key', 1, 'string', Label.OPTIONAL),
        fieldInit('value', 2, mapped, Label.OPTIONAL),
      ];
      nestedType.push({ name: `${entry}Entry`, field: pair, options: { mapEntry: true } });
    }
    if (word.endsWith(':')) {
      const oneof = word.slice(0, -1);
      if (!oneofs.includes(oneof)) oneofs.push(oneof);
      init.oneofIndex = oneofs.indexOf(oneof);
    }
    if (word === 'optional') optional.push(init);
    field.push(init);
  }
  // That a single field knows whether it is there makes it a oneof of its own; those come last.
  for (const init of optional) {
    init.proto3Optional = true;
    init.oneofIndex = oneofs.push(`_${init.name}`) - 1;
  }
  return { name, field, nestedType, oneofDecl: oneofs.map((oneof) => ({ name: oneof })) };
}

const registry = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: 'tinker_public.proto',
    package: 'tinker_public',
    syntax: 'proto3',
    messageType: Object.entries(MESSAGES).map(([name, text]) => messageInit(name, text)),
    enumType: Object.entries(ENUMS).map(([name, values]) => ({
      name,
      value: values.map((value, number) => ({ name: value, number })),
    })),
  }),
  () => undefined,
);

function schema(name: string): DescMessage {
  const found = registry.getMessage(`tinker_public.${name}`);
  if (found === undefined) throw new Error(`There is no message ${name}`);
  return found;
}

/** A message of the protocol as protobuf-es has it: names in camel case, oneofs as `{ case, value }`. */
export function oracleMessage(name: string, init: Record<string, unknown>): Message {
  return create(schema(name), init);
}

/** Encode a message with protobuf-es. */
export function oracleEncode(name: string, init: Record<string, unknown>): Uint8Array<ArrayBuffer> {
  return toBinary(schema(name), oracleMessage(name, init));
}

/** Decode a message with protobuf-es. */
export function oracleDecode(name: string, bytes: Uint8Array): Message {
  return fromBinary(schema(name), bytes);
}
