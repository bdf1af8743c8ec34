import { serve } from 'srvx';
import {
  type Argument,
  type Call,
  type Callable,
  type Functions,
  type Outcome,
  type Result,
  resultOf,
} from './calls.ts';

/** Answers requests of pages for anything but their scripts; `undefined` for what is not there. */
export type Answerer = (request: Request) => Promise<Response | undefined>;

/** What a server is to serve. */
export interface PageServerOptions {
  /** Scripts by path; every page loads `/page.js`. */
  readonly scripts: Readonly<Record<string, string>>;
  /** Other answers. @default none */
  readonly answer?: Answerer | undefined;
}

/** A page that can be called. */
export interface Page<F extends Functions> extends Callable<F> {
  /** Where a browser opens it. */
  readonly url: string;
  /** Resolves when it has been loaded, and asks for calls; rejects if its script fails before. */
  readonly ready: Promise<void>;
}

/** Serves pages on this machine alone, and calls what they have to offer. */
export interface PageServer {
  /** A page that is yet to be opened. */
  page<F extends Functions>(name: string): Page<F>;
  /** Errors and rejections that nobody caught, in pages and their workers. */
  readonly troubles: readonly string[];
  close(): Promise<void>;
}

/** Calls to one page. */
interface Line {
  readonly waiting: Call[];
  /** Wakes the page's request for the next call. */
  wake: () => void;
  arrive: () => void;
  fail: (error: Error) => void;
}

/** Tells of trouble before its script could, and then loads it. */
const DOCUMENT = `<!doctype html><meta charset="utf-8"><script>
const tell = (trouble) => fetch('/troubles' + location.search, { method: 'POST', body: String(trouble) });
addEventListener('error', (event) => tell(event.message + ' ' + event.error?.stack));
addEventListener('unhandledrejection', ({ reason }) => tell(reason + ' ' + reason?.stack));
</script><script src="/page.js"></script>`;

/** Start a server on a port that is free. */
export async function startPageServer({
  scripts,
  answer: answerOther,
}: PageServerOptions): Promise<PageServer> {
  const lines = new Map<string, Line>();
  const outcomes = new Map<number, (outcome: Outcome) => void>();
  const troubles: string[] = [];
  let calls = 0;

  async function nextCall(line: Line): Promise<Response> {
    line.arrive();
    while (line.waiting.length === 0)
      await new Promise<void>((resolve) => {
        line.wake = resolve;
      });
    return Response.json(line.waiting.shift());
  }

  async function answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const line = lines.get(search);
    if (pathname === '/' && line !== undefined) return text(DOCUMENT, 'text/html');
    if (pathname === '/calls' && line !== undefined) return nextCall(line);
    if (pathname.startsWith('/outcomes/')) {
      outcomes.get(Number(pathname.slice('/outcomes/'.length)))?.((await request.json()) as Outcome);
      return new Response(null, { status: 204 });
    }
    if (pathname === '/troubles') {
      const trouble = await request.text();
      troubles.push(trouble);
      line?.fail(new Error(trouble));
      return new Response(null, { status: 204 });
    }
    const script = scripts[pathname];
    if (script !== undefined) return text(script, 'text/javascript');
    return (await answerOther?.(request)) ?? new Response(null, { status: 404 });
  }

  const server = serve({
    fetch: answer,
    hostname: '127.0.0.1',
    port: 0,
    silent: true,
    gracefulShutdown: false,
  });
  await server.ready();

  return {
    page<F extends Functions>(name: string): Page<F> {
      const line: Line = { waiting: [], wake: () => {}, arrive: () => {}, fail: () => {} };
      lines.set(`?${name}`, line);
      return {
        url: `${server.url ?? ''}?${name}`,
        ready: new Promise((resolve, reject) => {
          line.arrive = resolve;
          line.fail = reject;
        }),
        async call<K extends keyof F & string>(
          functionName: K,
          argument: Argument<F, K>,
        ): Promise<Result<F, K>> {
          const id = ++calls;
          const outcome = new Promise<Outcome>((resolve) => outcomes.set(id, resolve));
          line.waiting.push({ id, name: functionName, argument });
          line.wake();
          const ended = await outcome;
          outcomes.delete(id);
          return resultOf(ended) as Result<F, K>;
        },
      };
    },
    troubles,
    close: () => server.close(true),
  };
}

function text(content: string, type: string): Response {
  return new Response(content, { headers: { 'content-type': `${type}; charset=utf-8` } });
}
