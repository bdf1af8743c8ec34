import type { Answerer } from '../runtimes/page-server.ts';

/** A hub of one tiny tokenizer, under whatever name it is asked for; it knows how often it gave which file. */
export interface TinyHub {
  readonly answer: Answerer;
  /** Files that were sent whole, `repository/file` each. */
  readonly downloads: readonly string[];
}

/** Letters `h` and `i`, and both together. */
const TOKENIZER = {
  version: '1.0',
  added_tokens: [
    {
      id: 3,
      content: '<|end|>',
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    },
  ],
  normalizer: null,
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    vocab: { h: 0, i: 1, hi: 2 },
    merges: ['h i'],
  },
};

const FILES: Readonly<Record<string, unknown>> = {
  'tokenizer.json': TOKENIZER,
  'tokenizer_config.json': { eos_token: '<|end|>' },
};

/** Start counting. */
export function createTinyHub(): TinyHub {
  const downloads: string[] = [];
  const meet = createBarriers();

  return {
    downloads,
    async answer(request) {
      const { pathname, search } = new URL(request.url);
      if (pathname === '/barrier') return meet(search);
      const [, id, file = ''] = /^\/(.+)\/resolve\/[^/]+\/([^/]+)$/.exec(pathname) ?? [];
      if (id === undefined) return undefined;
      if (!(file in FILES))
        return new Response('Entry not found', {
          status: 404,
          headers: { 'x-error-code': 'EntryNotFound' },
        });
      // No cache of the browser's may hide a download.
      const headers = { etag: `"${file}, the first"`, 'cache-control': 'no-store' };
      if (request.headers.get('if-none-match') === headers.etag)
        return new Response(null, { status: 304, headers });
      downloads.push(`${id}/${file}`);
      return Response.json(FILES[file], { headers });
    },
  };
}

/** Two requests of a name are answered when both are there. */
function createBarriers(): (name: string) => Promise<Response> {
  const waiting = new Map<string, () => void>();
  return async (name) => {
    const other = waiting.get(name);
    if (other === undefined) await new Promise<void>((resolve) => waiting.set(name, resolve));
    else {
      waiting.delete(name);
      other();
    }
    return new Response(null, { status: 204 });
  };
}
