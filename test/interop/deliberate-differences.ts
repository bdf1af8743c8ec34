/**
 * What our requests do otherwise than the official client's, and why. Each is taken out before requests are compared, and
 * one that is not met any more fails the run.
 */
export interface Difference {
  readonly endpoint: string;
  readonly what:
    | {
        /** The official client sends its default; ours leaves the key out. */
        readonly kind: 'default';
        readonly key: string;
        readonly value: unknown;
      }
    /** Ours sends it where it matters, the official client always. */
    | { readonly kind: 'where it matters'; readonly key: string }
    /** The official client sends a single string as it is, ours always a list. */
    | { readonly kind: 'list'; readonly in: string; readonly key: string }
    /** Each sends a value of its own. */
    | { readonly kind: 'own value'; readonly key: string }
    /** The same said by a header in other words; null for none at all. */
    | {
        readonly kind: 'header';
        readonly name: string;
        readonly official: string | null;
        readonly ours: string;
      }
    /** Ours asks for fewer things at this endpoint. */
    | { readonly kind: 'fewer' }
    /** Ours alone calls it. */
    | { readonly kind: 'ours alone' }
    /** The bodies are different encodings of the same. */
    | { readonly kind: 'encoding' };
  readonly reason: string;
}

const SPARE = 'servers that do not know the field refuse it: it is sent where it says something';
const OWN_VERSION = 'each client says its own version';

/** In whichever format passes are sent. */
const ALWAYS: readonly Difference[] = [
  {
    endpoint: 'POST save_weights',
    what: { kind: 'default', key: 'overwrite', value: false },
    reason: SPARE,
  },
  {
    endpoint: 'POST asample',
    what: { kind: 'default', key: 'topk_prompt_logprobs', value: 0 },
    reason: SPARE,
  },
  {
    endpoint: 'POST asample',
    what: { kind: 'list', in: 'sampling_params', key: 'stop' },
    reason: 'servers differ in what else they take',
  },
  {
    endpoint: 'POST retrieve_future',
    what: { kind: 'where it matters', key: 'allow_metadata_only' },
    reason: 'only results of passes and samples are large, and only servers with settings know the field',
  },
  { endpoint: 'POST telemetry', what: { kind: 'own value', key: 'sdk_version' }, reason: OWN_VERSION },
  {
    endpoint: 'POST telemetry',
    what: { kind: 'own value', key: 'platform' },
    reason: 'an operating system there, a runtime here: pages have no other name',
  },
  {
    endpoint: 'GET samplers/:sampler',
    what: { kind: 'fewer' },
    reason: 'ours knows the base model of a sampler that it made of one',
  },
  {
    endpoint: 'GET training_runs/:run/checkpoints/:checkpoint/archive',
    what: {
      kind: 'header',
      name: 'accept',
      official: 'application/json, application/json',
      ours: 'application/json',
    },
    reason: 'the official client says it twice',
  },
  {
    endpoint: 'GET training_runs/:run/checkpoints/:checkpoint/download',
    what: { kind: 'header', name: 'accept', official: null, ours: '*/*' },
    reason: "the download is the scenario's own in Python; fetch adds the header",
  },
];

/** Of a client that sends and reads protobuf. */
const PROTOBUF: readonly Difference[] = [
  {
    endpoint: 'POST retrieve_future',
    what: {
      kind: 'header',
      name: 'accept',
      official: 'application/x-protobuf',
      ours: 'application/x-protobuf, application/json',
    },
    reason: 'ours reads either: some servers answer in JSON alone',
  },
];

/** Of a client that is told to speak JSON alone. */
const JSON_ALONE: readonly Difference[] = [
  {
    endpoint: 'POST forward',
    what: { kind: 'ours alone' },
    reason: 'in JSON, passes without a gradient have a route',
  },
  {
    endpoint: 'POST forward_backward',
    what: { kind: 'encoding' },
    reason: 'the official client has no JSON for passes any more',
  },
  {
    endpoint: 'POST retrieve_future',
    what: { kind: 'header', name: 'accept', official: 'application/x-protobuf', ours: 'application/json' },
    reason: 'it is told to speak JSON',
  },
];

/** What differs, by the format that ours speaks. */
export function differencesIn(format: 'json' | 'auto'): readonly Difference[] {
  return [...ALWAYS, ...(format === 'json' ? JSON_ALONE : PROTOBUF)];
}
