import { raceAbort } from '../kernel/abort.ts';
import { isTinkerError, TinkerInputError, TinkerResponseError } from '../kernel/errors.ts';
import type { Runtime } from '../operations/runtime.ts';
import type { CallOptions } from '../operations/scope.ts';
import type { Tokenizer, TokenizerReference } from '../tokenizer/tokenizer.ts';
import { getModelInfo } from './model-info.ts';

/** A load under way, and how many wait for it. */
interface Load {
  readonly promise: Promise<Tokenizer>;
  readonly controller: AbortController;
  waiting: number;
}

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
  let loaded: Tokenizer | undefined;
  let current: Load | undefined;

  const start = (): Load => {
    const controller = new AbortController();
    const { signal } = controller;
    // Of the client, not of the call that came first.
    const promise = runtime.scopes.run({ signal }, async (scope) => {
      const load = loaderOf(runtime);
      const reference = await refer({ signal: scope.signal });
      // A loader of the user's need not listen to the signal.
      loaded = await raceAbort(scope.signal, load(reference, { signal: scope.signal }));
      return loaded;
    });
    // Those who wait hear of it; there may be none any more.
    promise.catch(() => {});
    return { promise, controller, waiting: 0 };
  };

  return (options = {}) =>
    runtime.scopes.run(options, async ({ signal }) => {
      if (loaded !== undefined) return loaded;
      current ??= start();
      const load = current;
      load.waiting += 1;
      try {
        return await raceAbort(signal, load.promise);
      } finally {
        load.waiting -= 1;
        if (load.waiting === 0) {
          // It has ended, or ends now: who comes next needs a new one.
          if (current === load) current = undefined;
          load.controller.abort(signal.reason);
        }
      }
    });
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
