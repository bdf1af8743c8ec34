import { createHash } from 'node:crypto';

/** A request as the hub, or another origin, saw it. */
export interface HubRequestSeen {
  readonly url: string;
  readonly file: string;
  readonly authorization: string | null;
  readonly ifNoneMatch: string | null;
  readonly redirect: RequestRedirect;
  readonly signal: AbortSignal;
}

/** What is under an address: content, `absent`, or code. */
export type HubContent =
  | string
  | Uint8Array
  | 'absent'
  | ((request: Request) => Response | Promise<Response>);

/** A hub for tests: files of any repository, by name or by whole address; what is not there is answered with 404. */
export interface FakeHub {
  /** May be changed on the way. */
  readonly files: Record<string, HubContent>;
  readonly requests: readonly HubRequestSeen[];
  fetch(request: Request): Promise<Response>;
  /** Names of the files asked for, in order. */
  asked(): string[];
}

/** A vocabulary of a few bytes, and one added token. */
export const TINY_TOKENIZER = JSON.stringify({
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
  post_processor: null,
  decoder: { type: 'ByteLevel' },
  model: { type: 'BPE', unk_token: null, vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] },
  added_tokens: [{ id: 3, content: '<end>', special: true, normalized: false }],
});

/** Files of a repository that can be loaded. */
export const TINY_FILES = {
  'tokenizer.json': TINY_TOKENIZER,
  'tokenizer_config.json': '{"chat_template":"T","eos_token":"<end>"}',
} as const;

/** An ETag as the hub makes one: for large files it is their SHA-256. */
export function etagOf(content: string | Uint8Array): string {
  return `"${createHash('sha256').update(content).digest('hex')}"`;
}

/** A hub that has these files, with their SHA-256 as ETags, and answers 304 to those who know one. */
export function createFakeHub(content: Readonly<Record<string, HubContent>> = TINY_FILES): FakeHub {
  const files = { ...content };
  const requests: HubRequestSeen[] = [];
  return {
    files,
    requests,
    asked: () => requests.map(({ file }) => file),
    async fetch(request) {
      const file = new URL(request.url).pathname.split('/').at(-1) ?? '';
      requests.push({
        url: request.url,
        file,
        authorization: request.headers.get('authorization'),
        ifNoneMatch: request.headers.get('if-none-match'),
        redirect: request.redirect,
        signal: request.signal,
      });
      request.signal.throwIfAborted();
      const found = files[request.url] ?? files[file] ?? 'absent';
      if (typeof found === 'function') return found(request);
      if (found === 'absent') {
        return new Response('Entry not found', { status: 404, headers: { 'x-error-code': 'EntryNotFound' } });
      }
      const headers = { etag: etagOf(found), 'content-length': String(Buffer.from(found).length) };
      if (request.headers.get('if-none-match') === headers.etag)
        return new Response(null, { status: 304, headers });
      return new Response(Buffer.from(found), { headers });
    },
  };
}
