import { describe, expect, it } from 'vitest';
import { type AdamWOptions, adamWStep, createAdamWState } from '../../../../src/emulator/model/adamw.ts';
import type { AdapterParameter } from '../../../../src/emulator/model/adapter.ts';
import { seededRandom } from '../../../../src/kernel/random.ts';

const options: AdamWOptions = {
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-12,
  weightDecay: 0,
  gradientClipNorm: 0,
};

function parameter(values: readonly number[]): AdapterParameter {
  return {
    name: 'p',
    shape: [1, values.length],
    values: Float32Array.from(values),
    gradient: new Float32Array(values.length),
  };
}

describe('adamWStep', () => {
  it('follows three steps worked out by hand, weight decay included', () => {
    const p = parameter([1]);
    const adapter = { parameters: [p] };
    const state = createAdamWState(adapter);
    const step = (gradient: number) => {
      p.gradient[0] = gradient;
      adamWStep(adapter, state, { ...options, weightDecay: 0.1 });
      return p.values[0]!;
    };
    // m = .05, v = .0125; corrected .5 and .25, so the direction is .5 / sqrt(.25) = 1: 1 * .99 - .1
    expect(step(0.5)).toBeCloseTo(0.89, 6);
    // m = .9 * .05 - .025 = .02, v = .95 * .0125 + .05 * .0625 = .015; corrected by .19 and .0975:
    // .1052632 / sqrt(.1538462) = .2683690; .89 * .99 - .0268369
    expect(step(-0.25)).toBeCloseTo(0.8542631, 6);
    // m = .018 + .1 = .118, v = .01425 + .05 = .06425; corrected by .271 and .142625:
    // .4354244 / sqrt(.4504820) = .6487438; .8542631 * .99 - .0648744
    expect(step(1)).toBeCloseTo(0.7808461, 6);
    expect(state.step).toBe(3);
  });

  it('follows an independent reference for many elements and steps, with clipping', () => {
    const random = seededRandom(2);
    const parameters = [4, 7].map((n) => parameter(Array.from({ length: n }, () => random() - 0.5)));
    const reference = parameters.flatMap(({ values }) => Array.from(values, (x) => ({ x, m: 0, v: 0 })));
    const adapter = { parameters };
    const state = createAdamWState(adapter);
    const settings = {
      ...options,
      learningRate: 0.01,
      epsilon: 1e-3,
      weightDecay: 0.3,
      gradientClipNorm: 0.5,
    };
    for (let step = 1; step <= 12; step++) {
      for (const { gradient } of parameters)
        for (let i = 0; i < gradient.length; i++) gradient[i] = random() - 0.5;
      const gradients = parameters.flatMap(({ gradient }) => Array.from(gradient));
      const norm = Math.hypot(...gradients);
      expect(adamWStep(adapter, state, settings).gradientNorm).toBeCloseTo(norm, 9);
      for (const [i, slot] of reference.entries()) {
        const g = gradients[i]! * Math.min(1, 0.5 / norm);
        slot.m = 0.9 * slot.m + 0.1 * g;
        slot.v = 0.95 * slot.v + 0.05 * g * g;
        const direction = slot.m / (1 - 0.9 ** step) / (Math.sqrt(slot.v / (1 - 0.95 ** step)) + 1e-3);
        slot.x -= 0.01 * (direction + 0.3 * slot.x);
      }
    }
    const values = parameters.flatMap((p) => Array.from(p.values));
    for (const [i, { x }] of reference.entries()) expect(values[i]).toBeCloseTo(x, 5);
  });

  it('reports the norm before clipping, and clips only above the bound', () => {
    const firstAverages = (gradientClipNorm: number) => {
      const p = parameter([0, 0]);
      p.gradient.set([3, 4]);
      const adapter = { parameters: [p] };
      const state = createAdamWState(adapter);
      expect(adamWStep(adapter, state, { ...options, gradientClipNorm }).gradientNorm).toBe(5);
      return Array.from(state.first[0]!);
    };
    for (const off of [0, 5, 50]) {
      const [x, y] = firstAverages(off);
      expect(x).toBeCloseTo(0.3, 6);
      expect(y).toBeCloseTo(0.4, 6);
    }
    const [x, y] = firstAverages(1);
    expect(x).toBeCloseTo(0.06, 6);
    expect(y).toBeCloseTo(0.08, 6);
  });

  it('clears the gradients', () => {
    const p = parameter([1, 2]);
    p.gradient.fill(3);
    const adapter = { parameters: [p] };
    adamWStep(adapter, createAdamWState(adapter), options);
    expect(Array.from(p.gradient)).toEqual([0, 0]);
  });

  it('leaves parameters without a gradient where they are, epsilon 0 included', () => {
    const p = parameter([1, -2]);
    const adapter = { parameters: [p] };
    const state = createAdamWState(adapter);
    for (let i = 0; i < 3; i++) adamWStep(adapter, state, { ...options, epsilon: 0 });
    expect(Array.from(p.values)).toEqual([1, -2]);
  });

  it('moves an unbiased first step by the learning rate, whatever the scale of the gradient', () => {
    for (const gradient of [1e-12, 1e-3, 1e3]) {
      const p = parameter([0]);
      p.gradient[0] = gradient;
      const adapter = { parameters: [p] };
      adamWStep(adapter, createAdamWState(adapter), { ...options, epsilon: 1e-18 });
      expect(p.values[0]).toBeCloseTo(-0.1, 5);
    }
  });
});
