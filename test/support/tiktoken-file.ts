/** What the package js-tiktoken says of an encoding. */
export interface JsRanks {
  readonly pat_str: string;
  readonly special_tokens: Record<string, number>;
  readonly bpe_ranks: string;
}

/** Its ranks as the `.tiktoken` file they were made from: theirs are runs of tokens after the id of the first. */
export function tiktokenFile({ bpe_ranks: runs }: JsRanks): Uint8Array<ArrayBuffer> {
  const lines = runs
    .split('\n')
    .filter((run) => run !== '')
    .flatMap((run) => {
      const [, first, ...tokens] = run.split(' ');
      return tokens.map((token, i) => `${token} ${Number(first) + i}\n`);
    });
  return new TextEncoder().encode(lines.join(''));
}
