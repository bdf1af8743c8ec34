import { describe, expect, it } from 'vitest';
import { createJavascriptKernels } from '../../../../src/emulator/model/javascript-kernels.ts';
import { goldenTraining } from './golden-training.ts';

/** The same on Node 20 and 24, Deno and Bun: one constant per backend. A change here changes everyone's results. */
const JAVASCRIPT_GOLDEN = 0x80900f93;

describe('twelve training steps', () => {
  it('give the same bits on every engine', () => {
    expect(goldenTraining(createJavascriptKernels())).toBe(JAVASCRIPT_GOLDEN);
  });
});
