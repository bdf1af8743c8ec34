/** Functions that can be called from elsewhere; what they take and give goes through JSON. */
export type Functions = Readonly<Record<string, (argument: never) => unknown>>;

/** What a function is called with. */
export type Argument<F extends Functions, K extends keyof F> = Parameters<F[K]>[0];

/** What comes of it. */
export type Result<F extends Functions, K extends keyof F> = Awaited<ReturnType<F[K]>>;

/** A call on its way to who carries it out. */
export interface Call {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

/** How a call ended. */
export type Outcome = { readonly value: unknown } | { readonly error: string };

/** Somewhere with functions that can be called: a page, or a worker of one. */
export interface Callable<F extends Functions> {
  /** Call one. @throws Error - with what it threw, as text. */
  call<K extends keyof F & string>(name: K, argument: Argument<F, K>): Promise<Result<F, K>>;
}

/** Carry out a call. Never rejects. */
export async function carryOut(functions: Functions, name: string, argument: unknown): Promise<Outcome> {
  try {
    const work = functions[name] as ((argument: unknown) => unknown) | undefined;
    if (work === undefined) throw new Error(`There is no function ${name}`);
    return { value: await work(argument) };
  } catch (error) {
    return { error: describe(error) };
  }
}

/** What a call gave. @throws Error - where it threw. */
export function resultOf(outcome: Outcome): unknown {
  if ('error' in outcome) throw new Error(outcome.error);
  return outcome.value;
}

/** Some engines repeat the message in the stack, others do not. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack = '' } = error;
  return stack.includes(message) ? stack : `${name}: ${message}\n${stack}`;
}
