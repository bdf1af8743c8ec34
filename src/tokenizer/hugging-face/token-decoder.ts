import { decodeUtf8, encodeUtf8 } from '../../kernel/bytes.ts';

/** Turns the texts of tokens into parts of the text they stand for. */
export type TokenDecoder = (tokens: readonly string[]) => readonly string[];

type Config = Readonly<Record<string, unknown>>;

/**
 * The decoder that a tokenizer's file describes, as the reference decodes; `undefined` for one of a type, or with a
 * part, that is not known here.
 */
export function createTokenDecoder(config: Config): TokenDecoder | undefined {
  if (config['type'] === 'Sequence') return sequence(config);
  const create = DECODERS[String(config['type'])];
  return create?.(config);
}

const DECODERS: Readonly<Record<string, (config: Config) => TokenDecoder | undefined>> = {
  ByteLevel: () => byteLevelDecoder(),
  ByteFallback: () => byteFallback,
  Fuse: () => (tokens) => [tokens.join('')],
  Replace: replace,
  Strip: strip,
  Metaspace: metaspace,
  WordPiece: wordPiece,
  BPEDecoder: bpe,
};

function sequence(config: Config): TokenDecoder | undefined {
  const steps = (config['decoders'] as readonly Config[]).map(createTokenDecoder);
  if (!steps.every((step) => step !== undefined)) return undefined;
  return (tokens) => steps.reduce((parts, step) => step(parts), tokens);
}

/** Each byte has a character that can be seen; a token with any other character stands for itself. */
function byteLevelDecoder(): TokenDecoder {
  const byteOf = new Map<number, number>();
  for (let byte = 0, hidden = 0; byte < 256; byte++) {
    const isSeen = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    byteOf.set(isSeen ? byte : 0x100 + hidden++, byte);
  }
  return (tokens) => {
    const bytes = new Uint8Array(3 * tokens.reduce((length, token) => length + token.length, 0));
    let length = 0;
    for (const token of tokens) {
      const start = length;
      for (let i = 0; i < token.length && length >= 0; i++) {
        const byte = byteOf.get(token.charCodeAt(i));
        if (byte === undefined) length = -1;
        else bytes[length++] = byte;
      }
      if (length >= 0) continue;
      const itself = encodeUtf8(token);
      bytes.set(itself, start);
      length = start + itself.length;
    }
    return [decodeUtf8(bytes.subarray(0, length))];
  };
}

/** Runs of tokens like `<0xE2>` are UTF-8; each byte of a run that is none becomes U+FFFD. */
function byteFallback(tokens: readonly string[]): readonly string[] {
  const parts: string[] = [];
  let run: number[] = [];
  const flush = (): void => {
    if (run.length === 0) return;
    const text = strictUtf8(Uint8Array.from(run));
    if (text === undefined) for (const _ of run) parts.push('\ufffd');
    else parts.push(text);
    run = [];
  };
  for (const token of tokens) {
    const [, digits] = /^<0x(\+?[0-9A-Fa-f]{1,2})>$/.exec(token.length === 6 ? token : '') ?? [];
    if (digits !== undefined) {
      run.push(Number.parseInt(digits, 16));
      continue;
    }
    flush();
    parts.push(token);
  }
  flush();
  return parts;
}

function strictUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** With a text to look for only: what a regular expression of the reference means is not known here. */
function replace(config: Config): TokenDecoder | undefined {
  const { String: pattern } = config['pattern'] as { readonly String?: string };
  const content = String(config['content']);
  if (pattern === undefined) return undefined;
  return (tokens) => tokens.map((token) => token.replaceAll(pattern, () => content));
}

function strip(config: Config): TokenDecoder {
  const {
    content,
    start: most,
    stop: mostAtEnd,
  } = config as { content: string; start: number; stop: number };
  return (tokens) =>
    tokens.map((token) => {
      const characters = Array.from(token);
      const isOther = (character: string): boolean => character !== content;
      const first = characters.slice(0, most).findIndex(isOther);
      const start = first === -1 ? Math.min(most, characters.length) : first;
      const last = characters
        .slice(Math.max(0, characters.length - mostAtEnd))
        .reverse()
        .findIndex(isOther);
      const cut = last === -1 ? Math.min(mostAtEnd, characters.length) : last;
      return characters.slice(start, Math.max(start, characters.length - cut)).join('');
    });
}

/** The first token loses all its marks, for it began the text. */
function metaspace(config: Config): TokenDecoder {
  const mark = String(config['replacement'] ?? '\u2581');
  const isMarkedFirst = metaspaceScheme(config) !== 'never';
  return (tokens) => tokens.map((token, i) => token.replaceAll(mark, i === 0 && isMarkedFirst ? '' : ' '));
}

/** When a mark is put before a text; older files say it in another way. */
export function metaspaceScheme(config: Config): unknown {
  return config['prepend_scheme'] ?? (config['add_prefix_space'] === false ? 'never' : 'always');
}

function wordPiece(config: Config): TokenDecoder {
  const prefix = String(config['prefix']);
  const clean = config['cleanup'] === true ? cleaned : (token: string) => token;
  return (tokens) =>
    tokens.map((token, i) => {
      if (i === 0) return clean(token);
      return clean(token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`);
    });
}

const CLEANUPS: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

function cleaned(token: string): string {
  return CLEANUPS.reduce((text, [from, to]) => text.replaceAll(from, to), token);
}

function bpe(config: Config): TokenDecoder {
  const suffix = String(config['suffix']);
  return (tokens) => tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' '));
}
