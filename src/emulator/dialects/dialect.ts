/** A server whose manners an emulator knows: the hosted service, or one of the open ones (servers.md 1). */
export type DialectName =
  | 'hosted'
  | 'skyrl'
  | 'openrl-legacy'
  | 'twinkle'
  | 'tinkercloud'
  | 'beam'
  | 'miles'
  | 'localtinker'
  | 'arctic'
  | 'mint';

/** What is answered to a poll for a future that is not there. */
export type MissingFuture = 400 | 404 | 410 | '200-error' | 'pending';

/**
 * Manners in which servers of the Tinker API differ, one switch each. They change what is said, not how the model learns.
 * The hosted service's are `dialectOf('hosted')`.
 */
export interface EmulatorDialect {
  // Requests.

  /** Whether passes may come as protobuf, or the status that answers them; a 500 is a crash, in plain text. */
  readonly fwdbwdRequest: 'both' | 400 | 404 | 405 | 406 | 415 | 422 | 500;
  /** Whether bodies may be packed with zstd (where the emulator has a `decompress`), or the status that answers them. */
  readonly zstd: 'accepted' | 415 | 422 | 500;
  /** Whether there is a `/forward`. */
  readonly forwardRoute: boolean;
  /** Routes that are not there, and how they are missing: `{ 'POST publish': 404 }`; `*` stands for anything. */
  readonly absentRoutes: Readonly<Record<string, 404 | 405>>;
  /** Whether a field that older servers do not know is a 422 of the type `extra_forbidden`. */
  readonly strictFields: boolean;
  /**
   * What a repeated request is. `same-id-409`: answered with the first one's id, or by a 409 (or a 422) where it differs.
   * `passes`: the same for passes and optimizer steps, while a repeated save is a 409 and a repeated sample runs again.
   * `none`: every request runs, in the order of arrival, a repeated one twice.
   */
  readonly idempotency: 'same-id-409' | 'same-id-422' | 'passes' | 'none';
  /** `load-first`: a load that is not request number 1 is a 400. `numbered`: a request without a number is one. */
  readonly ordering: 'any' | 'load-first' | 'numbered';
  /** Submissions are answered when the work is done; one that fails, by a 400 or 500. */
  readonly inlineExecution: boolean;
  /** What samples beyond `limits.concurrentSamples` get: a 429 with `Retry-After`, or a future that fails. */
  readonly backpressure: '429' | 'failure';
  /** What a temperature of 0 is taken for. */
  readonly temperatureOfZero: 0 | 1;
  /** A sampling session of saved weights must name its base model, else a sample is a 400. */
  readonly samplingNeedsBaseModel: boolean;

  // Who may call, and settings.

  /** Where the key is looked for: anywhere, nowhere, or only there; without one it is a 401, for `bearer` a 403. */
  readonly auth: 'any' | 'none' | 'x-api-key' | 'bearer';
  /** A request without `x-request-id` is a 400. */
  readonly needsRequestId: boolean;
  /** What `client/config` answers, unless the emulator's option says so; 404 where there is none. */
  readonly clientConfig: 404 | Readonly<Record<string, unknown>>;
  /** `client/config` without a body is a 422. */
  readonly needsConfigBody: boolean;
  /** What a heartbeat gets: 404 or 410 if the session is not alive, always 200, silence, or no such route. */
  readonly heartbeat: 404 | 410 | 'ok' | 'silent' | 'absent';
  /** Silence after which a session is gone, unless the emulator's option says so, in milliseconds. */
  readonly sessionTimeoutMs: number;

  // Names.

  /** Ids of futures; `number` also writes them as numbers. */
  readonly requestIdForm: 'request' | 'integer' | 'number' | 'zero-based' | 'uuid' | 'hex' | 'composed';
  /** Ids of models: `{session}:train:{n}`, the id of the future that made it, a stamp and a digest, or always `main`. */
  readonly modelIdForm: 'session' | 'request-id' | 'stamped' | 'main';
  /** Ids of sampling sessions: `{session}:sample:{n}`, hexadecimal, like a path, or `ss@{n}`. */
  readonly samplerIdForm: 'session' | 'hex' | 'path' | 'at';
  /** Paths of checkpoints; `kindless` is what a save for sampling returns, `null` what every save does. */
  readonly paths: 'tinker' | 'kindless' | 'twinkle' | 'absolute' | 'null';

  // Submissions and futures.

  /** Whether the future of a new model names it; else its submission does, or the future's own id is its id. */
  readonly namesNewModels: boolean;
  /** What the answer to a submission says of the model: its id, null, or nothing. */
  readonly submitReply: 'model-id' | 'null-model-id' | 'bare';
  /** What the id of the future is called there. */
  readonly requestIdField: 'request_id' | 'future_id' | 'id';
  /** `load_weights` loads nothing, and is answered by a 200 without the id of a future. */
  readonly loadsWithoutFuture: boolean;
  /** Answers to samples name each sequence in `sample_sequence_ids`. */
  readonly sampleSequenceIds: boolean;
  /** Whether passes and samples are answered in protobuf to who accepts it, or always in JSON. */
  readonly resultFormat: 'by-accept' | 'json';
  /** What a poll gets where there is no result yet; `408-queue` also has a queue's numbers and `Retry-After`. */
  readonly pending: '408-try-again' | '408' | '408-detail' | '408-queue' | '200-try-again' | '200-bare';
  /** How long a poll is held, unless the emulator's option says so, in milliseconds. */
  readonly holdMs: number;
  /** What a poll gets where the operation failed. */
  readonly failure: '200-error' | '400-detail' | '400-error' | '400-error-message' | '500-detail';
  /** What failures are called that are the caller's, and the server's. */
  readonly failureCategories: {
    /** The caller's fault. */
    readonly user: string;
    /** The server's own fault. */
    readonly server: string;
  };
  /** What a poll gets for an id that was never given out. */
  readonly unknownFuture: MissingFuture;
  /** What it gets for one whose result is kept no longer. */
  readonly expiredFuture: MissingFuture;
  /** `one-shot`: a result can be fetched once. */
  readonly resultRetention: 'keep' | 'one-shot';
  /** How long a result is kept, in milliseconds. */
  readonly keptMs: number;
  /** Large results are announced by their size first, to who allows it. */
  readonly metadataPeek: boolean;

  // Results.

  /** Whether results of futures say their `type`. */
  readonly resultTypes: boolean;
  /** JSON objects have a field more that nobody asked for. */
  readonly extraFields: boolean;
  /** Metrics of passes: `loss:sum` and others, none, `loss:avg` alone, or the sum with a NaN, in JSON null, beside it. */
  readonly metrics: 'all' | 'none' | 'average' | 'undefined';
  /** `plain`: an optimizer step has no `metrics`, but its numbers beside each other. */
  readonly stepResult: 'metrics' | 'plain';
  /** Outputs of passes, in JSON: log-probs; also a loss for each target and a tensor without axes; none at all. */
  readonly outputs: 'logprobs' | 'losses' | 'deferred';
  /** Whether JSON tensors have a shape and a dtype. */
  readonly tensorShapes: boolean;
  /** The name of what passes return. */
  readonly outputType: string;
  /** Log-probs of a prompt: one for each token, one less, or never any. */
  readonly promptLogprobs: 'all' | 'without-first' | 'none';
  /** Whether sampled tokens have log-probs. */
  readonly sampledLogprobs: boolean;
  /** Why a sample ended: as it is, or always this word, which protobuf has only for `stop` and `length`. */
  readonly stopReason: 'faithful' | (string & {});

  // The rest.

  /** How an error says what is wrong. `text` is plain text. */
  readonly errors: 'detail' | 'detail-list' | 'detail-object' | 'error' | 'error-status' | 'code' | 'text';
  /** Times end in `Z`, or in nothing. */
  readonly timestamps: 'utc' | 'naive';
  /** Records and lists leave out what they can do without, or say null. */
  readonly sparseRecords: boolean;
  /** What a change is answered by: a 204, one that says it is JSON, or a 200 with JSON. */
  readonly changeAnswer: '204' | '204-json' | '200-json';
  /** The id under which an archive is asked for: with its kind, or the `bare` name, and anything else is a 405. */
  readonly archiveId: 'prefixed' | 'bare';
  /** Where the archive is, said in a redirect or in JSON, or that it has expired (410). */
  readonly archiveAnswer: 'redirect' | 'json' | 'gone';
  /** Statuses that the first requests for each archive get. */
  readonly archiveNotReady: readonly (425 | 503)[];
}
