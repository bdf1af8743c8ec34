import { abortCases } from './cases/aborts.ts';
import { breakerCases } from './cases/breakers.ts';
import { byteCases } from './cases/bytes.ts';
import { chatCases } from './cases/chats.ts';
import { checkpointCases } from './cases/checkpoints.ts';
import { circuitCases } from './cases/circuits.ts';
import { clockCases } from './cases/clocks.ts';
import { coordinationCases } from './cases/coordination.ts';
import { dialectCases } from './cases/dialects.ts';
import { errorCases } from './cases/errors.ts';
import { exactJsonCases } from './cases/exact-json.ts';
import { exchangeEndCases } from './cases/exchange-ends.ts';
import { exchangeCases } from './cases/exchanges.ts';
import { hashCases } from './cases/hashes.ts';
import { jsonBodyCases } from './cases/json-bodies.ts';
import { jsonReplyCases } from './cases/json-replies.ts';
import { leftoverCases } from './cases/leftovers.ts';
import { limitCases } from './cases/limits.ts';
import { modelCases } from './cases/models.ts';
import { operationEndCases } from './cases/operation-ends.ts';
import { platformCases } from './cases/platforms.ts';
import { pollingCases } from './cases/polling.ts';
import { protobufCases } from './cases/protobuf.ts';
import { randomnessCases } from './cases/randomness.ts';
import { retryCases } from './cases/retries.ts';
import { sampleCases } from './cases/samples.ts';
import { serverTroubleCases } from './cases/server-troubles.ts';
import { storeCases } from './cases/stores.ts';
import { tokenizerLoadCases } from './cases/tokenizer-loads.ts';
import { tokenizerCases } from './cases/tokenizers.ts';
import { trainingCases } from './cases/trainings.ts';
import { webRequestCases } from './cases/web-requests.ts';
import { wireFormCases } from './cases/wire-forms.ts';
import type { ConformanceCase, ConformanceResult } from './conformance-case.ts';
import type { SuiteStart } from './suite-start.ts';

export type { ConformanceCase, ConformanceResult } from './conformance-case.ts';

/** All that must hold in every runtime, in the order in which it is tried. */
export function conformanceCases(start: SuiteStart): readonly ConformanceCase[] {
  return [
    ...webRequestCases(),
    ...platformCases(start),
    ...[clockCases(), abortCases(), randomnessCases(), hashCases(), byteCases()].flat(),
    ...[errorCases(), exactJsonCases(), coordinationCases()].flat(),
    ...[retryCases(), limitCases(), breakerCases(), circuitCases(), pollingCases()].flat(),
    ...[protobufCases(), jsonBodyCases(), jsonReplyCases(), exchangeCases(), exchangeEndCases()].flat(),
    ...[wireFormCases(), serverTroubleCases(), operationEndCases()].flat(),
    ...storeCases(),
    ...[tokenizerCases(), tokenizerLoadCases(), chatCases()].flat(),
    ...[modelCases(), trainingCases(), sampleCases(), checkpointCases(), dialectCases()].flat(),
    ...leftoverCases(start),
  ];
}

/** Try every case, one after the other, and tell each result when it is there. Never rejects. */
export async function runSuite(
  start: SuiteStart,
  tell: (result: ConformanceResult) => void = () => {},
): Promise<readonly ConformanceResult[]> {
  const results: ConformanceResult[] = [];
  for (const one of conformanceCases(start)) {
    const result = await resultOf(one);
    results.push(result);
    tell(result);
  }
  return results;
}

async function resultOf({ name, run }: ConformanceCase): Promise<ConformanceResult> {
  try {
    const value = await run();
    return typeof value === 'string' ? { name, value } : { name };
  } catch (error) {
    return { name, error: String(error) };
  }
}
