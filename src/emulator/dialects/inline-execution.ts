import { raceAbort } from '../../kernel/abort.ts';
import type { EmulatorState } from '../state.ts';
import type { EmulatorDialect } from './dialect.ts';
import type { Layer } from './exchange.ts';
import { answerJson, problemAnswer } from './json-body.ts';

/** Answers a submission when its work is done (servers.md 1.9): its failure is then the submission's own. */
export function inlineExecution(
  { inlineExecution: isInline }: EmulatorDialect,
  { futures }: Pick<EmulatorState, 'futures'>,
): Layer | undefined {
  if (!isInline) return undefined;
  return (next) => async (exchange) => {
    const answer = await next(exchange);
    const requestId = exchange.path === 'retrieve_future' ? undefined : answerJson(answer)?.['request_id'];
    if (answer.status >= 300 || typeof requestId !== 'string') return answer;
    const failure = await raceAbort(exchange.signal, futures.settled(requestId));
    if (failure === undefined) return answer;
    return problemAnswer(failure.category === 'user' ? 400 : 500, failure.error);
  };
}
