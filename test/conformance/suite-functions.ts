import type { SuiteLine } from './suite-line.ts';
import type { SuiteStart } from './suite-start.ts';

// Runs in a page or in a worker, behind the script of the suite.

/** What that script left, and what stood in front of it. */
declare const conformance: typeof import('./tell-suite.ts');
declare const suiteStart: SuiteStart;

/** What can be called in a page and in a worker. */
export function createSuiteFunctions() {
  return {
    /** Run the suite; what it tells goes to the server that the page came from, line by line. */
    async runConformance(_: undefined): Promise<void> {
      let sent: Promise<unknown> = Promise.resolve();
      const send = async (line: SuiteLine): Promise<void> => {
        const answer = await fetch('/lines', { method: 'POST', body: JSON.stringify(line) });
        if (!answer.ok) throw new Error(`the line was answered with ${answer.status}`);
      };
      await conformance.tellSuite(suiteStart, (line) => {
        sent = sent.then(() => send(line));
      });
      await sent;
    },
  };
}
