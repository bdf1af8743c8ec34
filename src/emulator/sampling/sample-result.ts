import type { ResultEncoding } from '../futures/result-encoding.ts';
import {
  EMPTY_CELL,
  encodeSampleResponse,
  type SampleResponseMessage,
  type TopkMatrix,
} from '../protobuf/sample-response.ts';

/** What a sample request came to. */
export type SampleResult = SampleResponseMessage;

/** As protocol 4.8 words it, or as a `SampleResponse` (4.2); both carry the same 32 bits a log-prob. */
export const SAMPLE_RESULT: ResultEncoding<SampleResult> = {
  json: ({ sequences, promptLogprobs, topkPromptLogprobs, promptCacheHitTokens }) => ({
    sequences: sequences.map(({ stopReason, tokens, logprobs }) => ({
      stop_reason: stopReason,
      tokens: Array.from(tokens),
      logprobs: Array.from(logprobs),
    })),
    prompt_logprobs:
      promptLogprobs && Array.from(promptLogprobs, (logprob) => (Number.isNaN(logprob) ? null : logprob)),
    topk_prompt_logprobs: topkPromptLogprobs && rowsOf(topkPromptLogprobs),
    prompt_cache_hit_tokens: promptCacheHitTokens,
    type: 'sample',
  }),
  protobuf: encodeSampleResponse,
};

/** The rows without their empty cells; null for one that has no other (protocol 4.5). */
function rowsOf({ k, tokens, logprobs }: TopkMatrix): ([number, number][] | null)[] {
  const rows: ([number, number][] | null)[] = [];
  for (let start = 0; start < tokens.length; start += k) {
    const row: [number, number][] = [];
    for (let i = start; i < start + k && !isEmpty(tokens[i]!, logprobs[i]!); i++)
      row.push([tokens[i]!, logprobs[i]!]);
    rows.push(row.length === 0 ? null : row);
  }
  return rows;
}

function isEmpty(token: number, logprob: number): boolean {
  return token === 0 && logprob === EMPTY_CELL;
}
