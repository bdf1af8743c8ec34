import { emulatorWorks, type Work, type WorkName } from './emulator-works.ts';

// The works of plain JavaScript in a Worker, whose clock stands still while it computes: whoever asks takes the time.
// WebAssembly from bytes is not allowed there.

let works: Readonly<Record<WorkName, Work>> | undefined;

/** Runs the work that the path names. @returns its operations. */
export function answer(request: Request): Response {
  works ??= emulatorWorks('javascript');
  const work = works[decodeURIComponent(new URL(request.url).pathname.slice(1)) as WorkName];
  work.run();
  return new Response(String(work.flops));
}
