/** Counts checks, and prints each as it is made. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** One check. @param problem - What is wrong; undefined where nothing is. */
  check(name: string, problem: string | undefined): void;
}

/** Nothing is checked yet. */
export function createTally(print: (line: string) => void): Tally {
  let [passed, failed] = [0, 0];
  return {
    get passed() {
      return passed;
    },
    get failed() {
      return failed;
    },
    check(name, problem) {
      if (problem === undefined) passed += 1;
      else failed += 1;
      print(problem === undefined ? `ok      ${name}` : `FAILED  ${name}\n        ${problem}`);
    },
  };
}
