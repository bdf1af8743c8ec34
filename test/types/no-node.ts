// Compiled in the source program: a leaked Node or page global makes a directive below unused, which is an error.

// @ts-expect-error -- Node global must be invisible to src
process;
// @ts-expect-error -- Node global must be invisible to src
Buffer;
// @ts-expect-error -- Node global must be invisible to src
setImmediate;
// @ts-expect-error -- Node namespace must be invisible to src
export type Timer = NodeJS.Timeout;
// @ts-expect-error -- page-only global must be invisible to src
document;
// @ts-expect-error -- page-only global must be invisible to src
window;
// @ts-expect-error -- page-only global must be invisible to src
localStorage;
// @ts-expect-error -- Node builtin must not resolve from src
export type Fs = typeof import('node:fs');

// Positive control: the web platform every target runtime has.
void [fetch, Request, Response, AbortSignal, TextEncoder, crypto.getRandomValues, setTimeout, URL];
