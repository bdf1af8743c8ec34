import { describe, expect, it } from 'vitest';
import { createAdapter, LORA_ALPHA } from '../../../../src/emulator/model/adapter.ts';
import { effectiveWeights } from '../../../../src/emulator/model/effective-weights.ts';
import { computeTargetLogprobs } from '../../../../src/emulator/model/forward.ts';
import type { Matrix } from '../../../../src/emulator/model/matrix.ts';
import { flatten } from '../../../../src/emulator/model/projections.ts';
import { everything, randomSequences, tinyConfig, tinyModel } from './tiny-model.ts';

const { base, kernels } = tinyModel();

describe('createAdapter', () => {
  it('names and shapes its parameters as PEFT does', () => {
    const config = { ...tinyConfig, layers: 1 };
    const { parameters } = createAdapter(config, { ...everything, rank: 3 }, kernels);
    expect(parameters.map(({ name, shape }) => `${name} ${shape.join('x')}`)).toEqual([
      'layers.0.self_attn.q_proj.lora_A 3x12',
      'layers.0.self_attn.q_proj.lora_B 12x3',
      'layers.0.self_attn.k_proj.lora_A 3x12',
      'layers.0.self_attn.k_proj.lora_B 12x3',
      'layers.0.self_attn.v_proj.lora_A 3x12',
      'layers.0.self_attn.v_proj.lora_B 12x3',
      'layers.0.self_attn.o_proj.lora_A 3x12',
      'layers.0.self_attn.o_proj.lora_B 12x3',
      'layers.0.mlp.gate_proj.lora_A 3x12',
      'layers.0.mlp.gate_proj.lora_B 10x3',
      'layers.0.mlp.up_proj.lora_A 3x12',
      'layers.0.mlp.up_proj.lora_B 10x3',
      'layers.0.mlp.down_proj.lora_A 3x10',
      'layers.0.mlp.down_proj.lora_B 12x3',
      'lm_head.lora_A 3x12',
      'lm_head.lora_B 11x3',
    ]);
  });

  it.each([
    [{ trainAttn: false }, 8],
    [{ trainMlp: false }, 10],
    [{ trainUnembed: false }, 14],
    [{ trainAttn: false, trainMlp: false, trainUnembed: false }, 0],
  ])('leaves out groups that are off: %o', (groups, count) => {
    const spec = { ...everything, ...groups };
    expect(createAdapter({ ...tinyConfig, layers: 1 }, spec, kernels).parameters).toHaveLength(count);
  });

  it('starts with B zero, so the model is the base', () => {
    const adapter = createAdapter(tinyConfig, everything, kernels);
    for (const { name, values } of adapter.parameters) {
      expect(values.every((x) => x === 0)).toBe(name.endsWith('lora_B'));
    }
    const sequences = randomSequences([20]);
    const bare = computeTargetLogprobs(effectiveWeights(base, undefined, kernels), sequences, kernels);
    expect(computeTargetLogprobs(effectiveWeights(base, adapter, kernels), sequences, kernels)).toEqual(bare);
  });

  it('draws A from the seed', () => {
    const values = (seed: number) =>
      createAdapter(tinyConfig, { ...everything, seed }, kernels).parameters.map((p) => p.values);
    expect(values(1)).toEqual(values(1));
    expect(values(1)).not.toEqual(values(2));
  });

  it.each([0, -1, 1.5, Number.NaN])('rejects rank %d', (rank) => {
    expect(() => createAdapter(tinyConfig, { ...everything, rank }, kernels)).toThrow(
      new RangeError(`rank is ${rank}; it must be an integer of at least 1`),
    );
  });
});

describe('effectiveWeights', () => {
  const at = ({ values, stride }: Matrix, row: number, column: number) => values[row * stride + column]!;

  it('is W + alpha / rank · B · A, the same in both layouts', () => {
    const { base, adapter, kernels } = tinyModel({ ...everything, rank: 5 });
    const effective = flatten(effectiveWeights(base, adapter, kernels).linears);
    expect(adapter.scale).toBe(LORA_ALPHA / 5);
    for (const [index, { forward, backward }] of effective.entries()) {
      const modules = adapter.factors[index]!;
      const perModule = backward.rows / modules.length;
      for (let row = 0; row < backward.rows; row++) {
        const { a, b } = modules[Math.floor(row / perModule)]!;
        for (let column = 0; column < backward.columns; column++) {
          let delta = 0;
          for (let k = 0; k < 5; k++) {
            delta += b.values[(row % perModule) * 5 + k]! * a.values[k * a.shape[1] + column]!;
          }
          const expected = at(base.linears[index]!.backward, row, column) + adapter.scale * delta;
          expect(at(backward, row, column)).toBeCloseTo(expected, 5);
          expect(at(forward, column, row)).toBe(at(backward, row, column));
        }
      }
    }
  });

  it('shares the frozen weight where the adapter does not act', () => {
    const { base, adapter, kernels } = tinyModel({ ...everything, trainMlp: false });
    const effective = flatten(effectiveWeights(base, adapter, kernels).linears);
    const shared = effective.map((linear, index) => linear === base.linears[index]);
    expect(shared).toEqual([false, false, true, true, false, false, true, true, false]);
  });
});
