import { checkBoolean, checkInteger, checkRecord, show } from '../../kernel/checks.ts';
import { TinkerInputError } from '../../kernel/errors.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { Datum, FloatInput } from '../../wire/types/datum.ts';
import type { ModelInput, TokenIds } from '../../wire/types/model-input.ts';
import { explainHtml } from './html.ts';
import { explainLines } from './lines.ts';
import { datumPieces, weightedPieces } from './positions.ts';
import { shownPieces, summaryOf } from './shown-pieces.ts';
import { tokenTexts } from './token-text.ts';

/** Tokens that have a weight each, before they are made a datum. */
export interface TokensToExplain {
  /** The tokens, or a whole input with images. */
  readonly tokens: ModelInput | TokenIds;
  /** The weight of each token as what is to be predicted; one a position. */
  readonly weights: FloatInput;
}

/** The same by the name that chats have for it. */
export interface IdsToExplain {
  /** The tokens. */
  readonly ids: TokenIds;
  /** The weight of each token as what is to be predicted. */
  readonly weights: FloatInput;
}

/** How to show it: for a terminal with colours, as HTML, or as plain text. */
export type ExplainFormat = 'text' | 'ansi' | 'html';

/** How to show a datum. */
export interface ExplainOptions {
  /** The tokenizer of the tokens, which tells their texts. @default none: ids are shown */
  readonly tokenizer?: Tokenizer | undefined;
  /** `ansi` is `text` with colours; `html` a fragment that needs nothing around it. @default 'text' */
  readonly format?: ExplainFormat | undefined;
  /** Columns a line may have. @default 100; for `html` what the page gives */
  readonly width?: number | undefined;
  /** Write the log-probability behind each token that has one; `html` has them in its titles as well. @default true */
  readonly logprobs?: boolean | undefined;
}

/** Columns of lines, where nobody says. */
const WIDTH = 100;

/**
 * What a datum teaches, for people: each token with the weight, or the advantage, under which it is predicted. That is
 * the value of the position before it. What nothing is learnt from has none.
 *
 * @throws TinkerInputError - where it cannot be shown; what a loss would refuse beside that, `forwardBackward` tells.
 */
export function explain(what: Datum | TokensToExplain | IdsToExplain, options: ExplainOptions = {}): string {
  checkRecord('options', options);
  const { tokenizer, format = 'text', width, logprobs = true } = options;
  if (format !== 'text' && format !== 'ansi' && format !== 'html')
    throw new TinkerInputError('format', `must be "text", "ansi" or "html", got ${show(format)}`);
  if (width !== undefined) checkInteger('width', width, { min: 20 });
  checkBoolean('logprobs', logprobs);
  if (tokenizer !== undefined) checkRecord('tokenizer', tokenizer, 'a tokenizer');
  const given = checkRecord('datum', what, 'a datum');
  const explained = 'tokens' in given || 'ids' in given ? weightedPieces(given) : datumPieces(given);
  const pieces = shownPieces(explained, tokenTexts(tokenizer), logprobs);
  const summary = summaryOf(explained);
  if (format === 'html') return explainHtml(pieces, summary, width);
  return [...explainLines(pieces, width ?? WIDTH, format === 'ansi'), '', summary].join('\n');
}
