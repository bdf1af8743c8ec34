import { afterEach, describe, expect, it, vi } from 'vitest';
import { createEmulator, type EmulatorOptions } from '../../../../src/emulator/index.ts';
import { createKernelSource, createKernels } from '../../../../src/emulator/model/create-kernels.ts';
import { createJavascriptKernels } from '../../../../src/emulator/model/javascript-kernels.ts';
import { createSimdKernels } from '../../../../src/emulator/model/simd-kernels.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Like Cloudflare Workers: the constructors are there and throw. */
const refusing: Pick<typeof WebAssembly, 'Module' | 'Instance'> = {
  Module: class extends WebAssembly.Module {
    constructor() {
      super(new Uint8Array(0)); // throws a CompileError, as a platform's refusal does
    }
  },
  Instance: WebAssembly.Instance,
};

describe('createSimdKernels', () => {
  it('gives up quietly where compiling is refused', () => {
    expect(createSimdKernels(createJavascriptKernels(), refusing)).toBeUndefined();
  });

  it('gives up quietly where there is no WebAssembly', () => {
    vi.stubGlobal('WebAssembly', undefined);
    expect(createSimdKernels(createJavascriptKernels())).toBeUndefined();
  });
});

describe('createKernels', () => {
  it('prefers simd, and obeys', () => {
    expect(createKernels('auto').name).toBe('simd');
    expect(createKernels('simd').name).toBe('simd');
    expect(createKernels('javascript').name).toBe('javascript');
  });

  it('gives the same set to everybody', () => {
    expect(createKernels('auto')).toBe(createKernels('simd'));
    expect(createKernels('javascript')).toBe(createKernels('javascript'));
  });

  it('falls back to JavaScript, asking the platform once, and says so only when told to use simd', () => {
    const createSimd = vi.fn(() => undefined);
    const kernelsOf = createKernelSource(createSimd);
    expect(createSimd).not.toHaveBeenCalled();
    expect(kernelsOf('auto').name).toBe('javascript');
    expect(kernelsOf('auto')).toBe(kernelsOf('javascript'));
    expect(() => kernelsOf('simd')).toThrow(
      '"kernels" cannot be "simd": this platform refuses to compile WebAssembly with 128-bit registers',
    );
    expect(createSimd).toHaveBeenCalledTimes(1);
  });
});

describe('the option kernels of an emulator', () => {
  it.each(['auto', 'javascript', 'simd', undefined] as const)('may be %s', (kernels) => {
    expect(() => createEmulator({ kernels })).not.toThrow();
  });

  it('may be nothing else', () => {
    const options = { kernels: 'cuda' } as unknown as EmulatorOptions;
    expect(() => createEmulator(options)).toThrow(
      '"kernels" must be one of "auto", "javascript", "simd", got "cuda"',
    );
  });
});
