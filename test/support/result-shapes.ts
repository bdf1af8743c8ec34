/** Throws where a value is not of a shape, saying at which place. */
export type Shape = (value: unknown, at: string) => void;

function fail(at: string, expected: string, value: unknown): never {
  const shown =
    typeof value === 'object' ? Object.prototype.toString.call(value) : String(value).slice(0, 60);
  throw new Error(`${at || 'the result'} should be ${expected}, and is ${shown}`);
}

const when =
  (expected: string, test: (value: unknown) => boolean): Shape =>
  (value, at) => {
    if (!test(value)) fail(at, expected, value);
  };

export const text = when('text', (value) => typeof value === 'string');
/** An id or a path: one that is empty leads nowhere. */
export const name = when('text that is not empty', (value) => typeof value === 'string' && value !== '');
export const flag = when('true or false', (value) => typeof value === 'boolean');
/** NaN stands for what a server did not compute. */
export const metric = when('a number', (value) => typeof value === 'number');
export const finite = when('a finite number', (value) => Number.isFinite(value));
export const count = when('a count', (value) => Number.isSafeInteger(value) && (value as number) >= 0);
export const nothing = when('undefined', (value) => value === undefined);
export const date = when('a date', (value) => value instanceof Date && !Number.isNaN(value.getTime()));
export const webAddress = when(
  'an address',
  (value) => typeof value === 'string' && /^https?:\/\//.test(value),
);

/** The shape, or nothing. */
export const optional =
  (shape: Shape): Shape =>
  (value, at) => {
    if (value !== undefined) shape(value, at);
  };

export const listOf =
  (shape: Shape, least = 0): Shape =>
  (value, at) => {
    if (!Array.isArray(value) || value.length < least) fail(at, `a list of ${least} or more`, value);
    // Places that were never filled are `undefined` here, and shape says what it thinks of that.
    for (let index = 0; index < Math.min(value.length, 50); index++) shape(value[index], `${at}[${index}]`);
  };

/** An object without a prototype of somebody else's, and only members of this shape. */
export const mapOf =
  (shape: Shape): Shape =>
  (value, at) => {
    if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
      return fail(at, 'a plain object', value);
    for (const key of Object.getOwnPropertyNames(value).slice(0, 50)) {
      shape((value as Record<string, unknown>)[key], `${at}.${key}`);
    }
  };

/** An object with exactly these members; those that may be `undefined` may be missing. */
export const record =
  (members: Readonly<Record<string, Shape>>): Shape =>
  (value, at) => {
    mapOf(() => {})(value, at);
    const own = value as Record<string, unknown>;
    for (const key of Object.getOwnPropertyNames(own)) {
      if (!Object.hasOwn(members, key)) fail(`${at}.${key}`, 'absent', own[key]);
    }
    for (const [key, shape] of Object.entries(members)) shape(own[key], `${at}.${key}`);
  };

const tensor: Shape = (value, at) => {
  record({ data: () => {}, dtype: text, shape: listOf(count) })(value, at);
  const { data, dtype, shape } = value as { data: { length: number }; dtype: string; shape: number[] };
  const isRight =
    (dtype === 'float32' && data instanceof Float32Array) ||
    (dtype === 'int64' && data instanceof BigInt64Array);
  if (!isRight) fail(`${at}.data`, `an array of ${dtype}`, data);
  if (shape.reduce((size, axis) => size * axis, 1) !== data.length)
    fail(`${at}.shape`, `${data.length} values`, shape);
};

/** What a pass gives. */
export const passOutput = record({
  lossFnOutputType: text,
  lossFnOutputs: listOf(mapOf(tensor)),
  metrics: mapOf(metric),
});

export const optimStep = record({ metrics: mapOf(metric) });

const arrayOf =
  (type: typeof Float32Array | typeof Int32Array, length?: number): Shape =>
  (value, at) => {
    if (!(value instanceof type) || (length !== undefined && value.length !== length))
      fail(at, `a ${type.name} of ${length ?? 'any length'}`, value);
  };

const sequence: Shape = (value, at) => {
  const tokens = arrayOf(Int32Array);
  record({ tokens, logprobs: () => {}, stopReason: text, sequenceId: optional(text) })(value, at);
  const { tokens: ids, logprobs } = value as { tokens: Int32Array; logprobs: unknown };
  optional(arrayOf(Float32Array, ids.length))(logprobs, `${at}.logprobs`);
};

const likely: Shape = (value, at) => {
  if (!Array.isArray(value) || value.length !== 2) return fail(at, 'a token and its log-probability', value);
  count(Math.abs(value[0]), `${at}[0]`);
  metric(value[1], `${at}[1]`);
};

/** What a sample gives, of a prompt of so many tokens where it was asked for what belongs to them. */
export const sampleResponse = (promptLength?: number): Shape =>
  record({
    sequences: listOf(sequence),
    promptLogprobs: optional(arrayOf(Float32Array, promptLength)),
    topkPromptLogprobs: optional((value, at) => {
      listOf(optional(listOf(likely)))(value, at);
      if (promptLength !== undefined && (value as unknown[]).length !== promptLength)
        fail(at, `a list of ${promptLength}`, value);
    }),
    promptCacheHitTokens: finite,
  });

export const promptLogprobs = (length: number): Shape => arrayOf(Float32Array, length);

export const modelInfo = record({
  modelId: text,
  modelName: optional(text),
  arch: optional(text),
  tokenizerId: optional(text),
  isLora: optional(flag),
  loraRank: optional(finite),
});

export const capabilities = record({
  supportedModels: listOf(record({ modelName: optional(text), maxContextLength: optional(finite) })),
});

const checkpoint = record({
  checkpointId: text,
  checkpointType: optional(text),
  time: optional(date),
  tinkerPath: text,
  sizeBytes: optional(finite),
  isPublic: flag,
  expiresAt: optional(date),
});

export const trainingRun = record({
  trainingRunId: text,
  baseModel: text,
  modelOwner: optional(text),
  isLora: optional(flag),
  loraRank: optional(finite),
  isCorrupted: flag,
  lastRequestTime: optional(date),
  lastCheckpoint: optional(checkpoint),
  lastSamplerCheckpoint: optional(checkpoint),
  userMetadata: optional(mapOf(text)),
});

export const trainingRuns = listOf(trainingRun);
export const checkpoints = listOf(checkpoint);
export const page = record({
  items: listOf(checkpoint),
  cursor: optional(record({ offset: finite, limit: finite, totalCount: finite })),
  nextOffset: optional(count),
});

export const weightsInfo = record({
  baseModel: text,
  isLora: optional(flag),
  loraRank: optional(finite),
  trainAttn: optional(flag),
  trainMlp: optional(flag),
  trainUnembed: optional(flag),
});

export const sampler = record({ samplerId: text, baseModel: text, modelPath: optional(text) });
export const session = record({ trainingRunIds: listOf(text), samplerIds: listOf(text) });
export const archive = record({ url: webAddress, expires: date });

export const auditLog = listOf(
  record({
    timestamp: optional(date),
    event: text,
    modelId: optional(text),
    tinkerPath: optional(text),
    purpose: optional(text),
  }),
);

const billingEvent = record({
  bucketStart: optional(date),
  bucketEnd: optional(date),
  baseModel: optional(text),
  userId: optional(text),
  userName: optional(text),
  sessionId: optional(text),
  projectId: optional(text),
  eventInfo: (value, at) => {
    mapOf(() => {})(value, at);
    text((value as { type: unknown }).type, `${at}.type`);
  },
});

export const billing = record({
  events: listOf(billingEvent),
  sessions: mapOf(record({ userMetadata: optional(mapOf(text)) })),
});

/** Files of an archive: names and bytes. */
export const files = listOf((value, at) => {
  record({ name, bytes: () => {} })(value, at);
  if (!((value as { bytes: unknown }).bytes instanceof Uint8Array)) fail(`${at}.bytes`, 'bytes', value);
});
