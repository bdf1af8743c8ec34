import { carryOut, type Functions, type Outcome, resultOf } from './calls.ts';

// A page and its workers, dedicated ones and service workers: each call has a channel of its own.

/** Runs in a page: call a function of a worker. */
export async function callWorker(
  worker: Worker | ServiceWorker,
  name: string,
  argument: unknown,
): Promise<unknown> {
  const { port1, port2 } = new MessageChannel();
  const answer = new Promise<Outcome>((resolve) => {
    port1.onmessage = ({ data }) => resolve(data as Outcome);
    // Its script may not even begin.
    const fail = (event: Event): void =>
      resolve({ error: `the worker fails: ${(event as ErrorEvent).message ?? event.type}` });
    worker.addEventListener('error', fail, { once: true });
  });
  worker.postMessage({ name, argument }, [port2]);
  const outcome = await answer;
  port1.close();
  return resultOf(outcome);
}

/** Runs in a worker: answer its page's calls. A service worker is kept awake meanwhile. */
export function answerPage(functions: Functions): void {
  const tell = (trouble: unknown) => fetch('/troubles', { method: 'POST', body: String(trouble) });
  addEventListener('error', ({ error, message }) => tell(`${message} ${error?.stack}`));
  addEventListener('unhandledrejection', ({ reason }) => tell(`${reason} ${reason?.stack}`));
  addEventListener('message', (event: MessageEvent) => {
    const { name, argument } = event.data as { name: string; argument: unknown };
    const work = carryOut(functions, name, argument).then((outcome) => event.ports[0]?.postMessage(outcome));
    (event as { waitUntil?: (work: Promise<unknown>) => void }).waitUntil?.(work);
  });
}

/** Runs in a page: start its service worker, unless it is there, and wait until it can be called. */
export async function readyServiceWorker(script: string): Promise<ServiceWorker> {
  await navigator.serviceWorker.register(script);
  const { active } = await navigator.serviceWorker.ready;
  if (active === null) throw new Error('The service worker is not active');
  return active;
}
