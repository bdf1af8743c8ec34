import type { Kernels } from './kernels.ts';
import { createSimdProducts } from './simd-products.ts';
import type { WebAssemblyApi } from './simd-program.ts';

/**
 * The kernels with matrix products in WebAssembly, or undefined where the platform does not allow it. They compute
 * the same bits as `javascript`, which does everything else.
 */
export function createSimdKernels(
  javascript: Kernels,
  api: WebAssemblyApi | undefined = globalThis.WebAssembly,
): Kernels | undefined {
  const products = createSimdProducts(javascript, api);
  return products && { ...javascript, ...products, name: 'simd' };
}
