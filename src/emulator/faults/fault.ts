/** A request, as a {@link FaultPlan} sees it. */
export interface FaultCall {
  /** In upper case. */
  readonly method: string;
  /** What follows `/api/v1/` in the address, without the query. */
  readonly path: string;
  /** How often this path was asked for, this time included. */
  readonly attempt: number;
  /** As they were sent. */
  readonly headers: Headers;
  /** What it carries as JSON; `undefined` for any other body, and for none. */
  readonly body: unknown;
}

/** An answer in place of the emulator's, which does not hear of the request. */
export interface FaultAnswer {
  /** Its status. */
  readonly status: number;
  /** Sent as JSON. @default nothing is sent */
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly text?: string | undefined;
  /** Beside a content type, or in its place. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How long it takes, in milliseconds. @default 0 */
  readonly delayMs?: number | undefined;
}

/**
 * What goes wrong with a request:
 *
 * - an answer of its own; `{ delayMs }` alone: the emulator's, so much later; `{ expire: true }`: a 410;
 * - `hang`: no answer, until the client has left;
 * - `cut`: the connection breaks before the emulator hears of it; `lost`: it breaks behind that, with the work done;
 * - `cut-body`: the answer's status and half of its body arrive, then the connection breaks;
 * - `junk-json`: the work is done, and a 200 says so in JSON that is none;
 * - `duplicate`: it arrives twice, one behind the other; the second answer is given.
 */
export type EmulatorFault =
  | FaultAnswer
  | {
      /** How much later the emulator's answer comes, in milliseconds. */
      readonly delayMs: number;
      /** None: that would be a {@link FaultAnswer}. */
      readonly status?: undefined;
    }
  | {
      /** The result is kept no longer: a 410. */
      readonly expire: true;
      /** None: that would be a {@link FaultAnswer}. */
      readonly status?: undefined;
    }
  | 'hang'
  | 'cut'
  | 'lost'
  | 'cut-body'
  | 'junk-json'
  | 'duplicate';

/** Says what goes wrong with a request; `undefined` lets it be. What it throws, `fetch` rejects with. */
export type FaultPlan = (call: FaultCall) => EmulatorFault | undefined;
