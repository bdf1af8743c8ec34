import { type Adapter, type LoraFactors, valueMatrix } from './adapter.ts';
import type { BaseModel } from './base-model.ts';
import type { Kernels } from './kernels.ts';
import { createLinear, type Linear, releaseLinear } from './linear.ts';
import { rowsOf } from './matrix.ts';
import { arrange, flatten, type PerProjection, projectionsOf } from './projections.ts';

/** What a pass needs: the frozen model and, for each projection, the weight in effect. */
export interface Weights {
  readonly base: BaseModel;
  readonly linears: PerProjection<Linear>;
}

/**
 * A snapshot of the weights in effect: W + scale · B · A where the adapter acts, the frozen W elsewhere (shared,
 * not copied). Later changes to the adapter do not show in it.
 */
export function effectiveWeights(base: BaseModel, adapter: Adapter | undefined, kernels: Kernels): Weights {
  if (adapter === undefined) return { base, linears: arrange(base.linears) };
  const room = projectionsOf(base.config).map((projection, index) =>
    adapter.factors[index]!.length === 0 ? base.linears[index]! : createLinear(projection, kernels),
  );
  return applyAdapter(base, adapter, room, kernels);
}

/** Like {@link effectiveWeights}, but written into `room`, one weight per projection. */
export function applyAdapter(
  base: BaseModel,
  adapter: Adapter,
  room: readonly Linear[],
  kernels: Kernels,
): Weights {
  const linears = base.linears.map((frozen, index) => {
    const factors = adapter.factors[index]!;
    if (factors.length === 0) return frozen;
    const into = room[index]!;
    multiplyFactors(factors, into, kernels);
    addScaled(frozen, adapter.scale, into);
    return into;
  });
  return { base, linears: arrange(linears) };
}

/** Give back the memory of a snapshot, which must not be used afterwards. */
export function releaseWeights({ base, linears }: Weights, kernels: Kernels): void {
  const frozen = new Set(base.linears);
  for (const linear of flatten(linears)) {
    if (!frozen.has(linear)) releaseLinear(linear, kernels);
  }
}

/** Rows of `into.backward` = B · A, module by module. */
function multiplyFactors(factors: readonly LoraFactors[], into: Linear, kernels: Kernels): void {
  const rows = into.backward.rows / factors.length;
  for (const [module, { a, b }] of factors.entries()) {
    kernels.multiply(valueMatrix(b), valueMatrix(a), rowsOf(into.backward, module * rows, rows), false);
  }
}

/** Both layouts of `linear` = `frozen` + scale * what `linear.backward` holds. */
function addScaled(frozen: Linear, scale: number, { forward, backward }: Linear): void {
  const { rows, columns, values } = backward;
  const base = frozen.backward.values;
  const transposed = forward.values;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const value = base[at]! + scale * values[at]!;
      values[at] = value;
      transposed[column * rows + row] = value;
    }
  }
}
