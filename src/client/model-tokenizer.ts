import { raceAbort } from '../kernel/abort.ts';
import { isTinkerError, TinkerInputError, TinkerResponseError } from '../kernel/errors.ts';
import { createSingleFlight } from '../kernel/single-flight.ts';
import type { Runtime } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import type { Tokenizer, TokenizerReference } from '../tokenizer/tokenizer.ts';
import { getModelInfo } from './model-info.ts';

/**
 * The tokenizer of one client's model, loaded on first use, and kept as long as the client. Calls at the same time share
 * one load, which ends early only when all of them are aborted. A failure is not kept, so the next call tries afresh.
 *
 * @param refer - Asks which tokenizer it is.
 */
export function createModelTokenizer(
  runtime: Runtime,
  refer: (options: CallOptions) => Promise<TokenizerReference>,
): (options?: CallOptions) => Promise<Tokenizer> {
  const flight = createSingleFlight<Tokenizer>();
  let loaded: Tokenizer | undefined;

  /** For the client, not for the call that came first. */
  const load = (shared: AbortSignal): Promise<Tokenizer> =>
    runtime.scopes.run({ signal: shared }, async ({ signal }) => {
      const loader = loaderOf(runtime);
      const reference = await refer({ signal });
      // A loader of the user's need not listen to the signal.
      loaded = await raceAbort(signal, loader(reference, { signal }));
      return loaded;
    });

  return (options = {}) =>
    runtime.scopes.run(options, async ({ signal }) => loaded ?? flight.join('tokenizer', signal, load));
}

/** That of a model that is trained, by what the server tells of it. @param baseModel - Where it is known. */
export function trainedTokenizer(
  runtime: Runtime,
  modelId: string,
  baseModel: string | undefined,
): (options?: CallOptions) => Promise<Tokenizer> {
  return createModelTokenizer(runtime, (options) => trainedReference(runtime, modelId, baseModel, options));
}

async function trainedReference(
  runtime: Runtime,
  modelId: string,
  baseModel: string | undefined,
  options: CallOptions,
): Promise<TokenizerReference> {
  try {
    const { modelName = baseModel, tokenizerId } = await getModelInfo(runtime, modelId, options);
    const name = modelName ?? tokenizerId;
    if (name !== undefined) return { modelName: name, tokenizerId };
  } catch (error) {
    if (!isTinkerError(error, 'unsupported_by_server') || baseModel === undefined) throw error;
    return { modelName: baseModel };
  }
  throw new TinkerResponseError(`The server does not tell which model ${modelId} is of`, {
    hint: 'Load the tokenizer by its name, with loadTokenizer of isotinker/tokenizer',
  });
}

function loaderOf({ loadTokenizer }: Runtime) {
  if (loadTokenizer !== undefined) return loadTokenizer;
  throw new TinkerInputError(
    'loadTokenizer',
    'must be given to createServiceClient for getTokenizer() to work',
    {
      hint: "import { createTokenizerLoader } from 'isotinker/tokenizer', and give loadTokenizer: createTokenizerLoader()",
    },
  );
}
