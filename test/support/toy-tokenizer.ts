import type { AddedToken, Tokenizer } from '../../src/tokenizer/tokenizer.ts';

/**
 * A tokenizer small enough to know by heart: the ids below 256 are bytes, then come words (byte strings, so that they may
 * cut a character), then added tokens. The longest word wins.
 */
export function toyTokenizer(
  words: readonly (string | readonly number[])[] = [],
  added: readonly (Omit<AddedToken, 'id' | 'isSpecial'> & { readonly isSpecial?: boolean })[] = [],
): Tokenizer {
  const utf8 = new TextEncoder();
  const bytesOf = (word: string | readonly number[]): Uint8Array =>
    typeof word === 'string' ? utf8.encode(word) : Uint8Array.from(word);
  const vocabulary = [
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    ...words.map(bytesOf),
  ];
  const tokens = added.map(
    ({ text, isSpecial = true }, i): AddedToken => ({ text, isSpecial, id: vocabulary.length + i }),
  );
  const byFirst = new Map<number, number[]>();
  for (const [id, [first = 0]] of vocabulary.entries())
    byFirst.set(first, [...(byFirst.get(first) ?? []), id]);
  const encodeBytes = (bytes: Uint8Array): number[] => {
    const ids: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const first = bytes[at] ?? 0;
      const lengthOf = (id: number): number => vocabulary[id]?.length ?? 0;
      const starts = (id: number): boolean =>
        vocabulary[id]?.every((byte, i) => bytes[at + i] === byte) ?? false;
      const best = (byFirst.get(first) ?? []).reduce(
        (found, id) => (lengthOf(id) > lengthOf(found) && starts(id) ? id : found),
        first,
      );
      ids.push(best);
      at += lengthOf(best);
    }
    return ids;
  };
  return {
    encode(text, { addedTokens = 'none' } = {}) {
      const sought = tokens.filter(
        ({ isSpecial }) => addedTokens === 'all' || (addedTokens === 'ordinary' && !isSpecial),
      );
      const ids: number[] = [];
      let plain = '';
      for (let at = 0; at < text.length; ) {
        const found = sought.find((token) => text.startsWith(token.text, at));
        if (found === undefined) plain += text[at++];
        else {
          ids.push(...encodeBytes(utf8.encode(plain)), found.id);
          plain = '';
          at += found.text.length;
        }
      }
      return Int32Array.from([...ids, ...encodeBytes(utf8.encode(plain))]);
    },
    decode(ids, { skipSpecialTokens = false } = {}) {
      const parts = Array.from(ids, (id) => {
        const token = tokens.find((one) => one.id === id);
        if (token !== undefined)
          return skipSpecialTokens && token.isSpecial ? [] : [...utf8.encode(token.text)];
        return [...(vocabulary[id] ?? [])];
      });
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(parts.flat()));
    },
    tokenId(text) {
      const token = tokens.find((one) => one.text === text);
      if (token !== undefined) return token.id;
      const [id, ...more] = encodeBytes(utf8.encode(text));
      return more.length === 0 ? id : undefined;
    },
    vocabSize: vocabulary.length + tokens.length,
    addedTokens: tokens,
    fingerprint: '0'.repeat(32),
    chatTemplate: undefined,
  };
}
