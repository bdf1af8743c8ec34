import { type Call, carryOut, type Functions } from './calls.ts';

// Runs in a page: asks the server that the page came from for calls, and carries them out, several at once if need be.

/** Answer calls for as long as the page lives. */
export async function answerCalls(functions: Functions): Promise<never> {
  for (;;) {
    const answer = await fetch(`/calls${location.search}`, { method: 'POST' });
    const call = (await answer.json()) as Call;
    void carryOut(functions, call.name, call.argument).then((outcome) =>
      fetch(`/outcomes/${call.id}`, { method: 'POST', body: JSON.stringify(outcome) }),
    );
  }
}
