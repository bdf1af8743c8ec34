import { problem } from '../http/http.ts';

/** Bounds how many sample requests are under way, for those who ask to be told (protocol 2.6). */
export interface SampleAdmission {
  /**
   * Run a request; it counts until it settles.
   *
   * @param mayRefuse - Whether its sender would rather be told of overload than wait.
   * @throws HttpProblem 429 - at once, without running it.
   */
  admit<T>(mayRefuse: boolean, run: () => Promise<T>): Promise<T>;
}

/** When a refused request may be repeated. */
const RETRY_AFTER_SECONDS = 1;

/** @param limit - Requests at a time; Infinity for no bound. */
export function createSampleAdmission(limit: number): SampleAdmission {
  let underWay = 0;
  return {
    admit(mayRefuse, run) {
      if (mayRefuse && underWay >= limit) {
        const detail = `${underWay} sample requests are under way; this server takes ${limit}. Try again later`;
        throw problem(429, detail, { 'retry-after': String(RETRY_AFTER_SECONDS) });
      }
      underWay += 1;
      return run().finally(() => {
        underWay -= 1;
      });
    },
  };
}
