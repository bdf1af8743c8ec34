import { conformanceCases, runSuite } from './suite.ts';
import type { SuiteLine } from './suite-line.ts';
import type { SuiteStart } from './suite-start.ts';

// What every runtime is given, bundled with all that it tests. Like the suite it needs nothing but the web platform.

/** Turns of the event loop after which a rejected promise is nobody's. */
const TURNS = 3;

/** Run the suite, and tell what comes of it as it comes. */
export async function tellSuite(start: SuiteStart, tell: (line: SuiteLine) => void): Promise<void> {
  let tried = 0;
  tellTroubles(
    (trouble, before) => tell({ trouble, tried: before }),
    () => tried,
  );
  tell({ cases: conformanceCases(start).map(({ name }) => name) });
  await runSuite(start, (result) => {
    tried += 1;
    tell(result);
  });
  // What was rejected last is found out, and then told.
  await someTurns();
  await someTurns();
  tell({ isOver: true });
}

/** Runtimes that have no such events end the process instead; those that have them do as if it had been caught. */
function tellTroubles(tell: (trouble: string, tried: number) => void, tried: () => number): void {
  if (typeof addEventListener !== 'function') return;
  addEventListener('error', (event) => {
    event.preventDefault();
    tell(event.error === undefined ? event.message : textOf(event.error), tried());
  });
  const open = new Set<Promise<unknown>>();
  addEventListener('unhandledrejection', (event) => {
    event.preventDefault();
    const { promise, reason } = event;
    const before = tried();
    open.add(promise);
    void someTurns().then(() => {
      if (open.delete(promise)) tell(textOf(reason), before);
    });
  });
  // workerd speaks too early of those that its own streams and requests are about to take.
  addEventListener('rejectionhandled', ({ promise }) => open.delete(promise));
}

async function someTurns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setTimeout(resolve));
}

/** Some engines repeat the message in the stack, others do not. */
function textOf(reason: unknown): string {
  if (!(reason instanceof Error)) return String(reason);
  const { name, message, stack = '' } = reason;
  return stack.includes(message) ? stack : `${name}: ${message}\n${stack}`;
}
