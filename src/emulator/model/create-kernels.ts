import { TinkerInputError } from '../../kernel/errors.ts';
import { createJavascriptKernels } from './javascript-kernels.ts';
import type { Kernels } from './kernels.ts';
import { createSimdKernels } from './simd-kernels.ts';

/** What computes the model; the bits of its results do not depend on it. */
export type KernelBackend = 'auto' | 'javascript' | 'simd';

/** Every {@link KernelBackend}. */
export const KERNEL_BACKENDS: readonly KernelBackend[] = ['auto', 'javascript', 'simd'];

/**
 * The kernels of a backend: 'auto' prefers 'simd', WebAssembly with 128-bit registers, to plain 'javascript'. All
 * callers in a process share one set, which they cannot tell: a kernel runs to its end before the next starts, and
 * keeps nothing. Engines compile the loops for the memory of the first set they meet, and reserve gigabytes of
 * addresses for each memory of WebAssembly.
 *
 * @throws TinkerInputError - for 'simd' where the platform does not allow it.
 */
export const createKernels: (backend: KernelBackend) => Kernels = /* @__PURE__ */ createKernelSource();

/** What {@link createKernels} is, with sets of its own and, for tests, another way to 'simd'. */
export function createKernelSource(
  createSimd: (javascript: Kernels) => Kernels | undefined = createSimdKernels,
): (backend: KernelBackend) => Kernels {
  let javascript: Kernels | undefined;
  let simd: { readonly kernels: Kernels | undefined } | undefined;
  return (backend) => {
    javascript ??= createJavascriptKernels();
    if (backend === 'javascript') return javascript;
    simd ??= { kernels: createSimd(javascript) };
    if (simd.kernels !== undefined) return simd.kernels;
    if (backend === 'auto') return javascript;
    const problem = 'cannot be "simd": this platform refuses to compile WebAssembly with 128-bit registers';
    throw new TinkerInputError('kernels', problem);
  };
}
