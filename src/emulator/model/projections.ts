import type { ModelConfig } from './config.ts';

/** The parts of the model that a LoRA adapter can be switched on for. */
export type AdapterGroup = 'attention' | 'mlp' | 'unembedding';

/**
 * A weight matrix of outputs x inputs. Modules that read the same input are stacked along their outputs, so one
 * multiplication serves query, key and value, and one serves gate and up.
 */
export interface Projection {
  readonly group: AdapterGroup;
  readonly inputs: number;
  /** Outputs of all modules together. */
  readonly outputs: number;
  /** Rows per module. */
  readonly moduleOutputs: number;
  /** Module paths as PEFT writes them, such as `layers.0.self_attn.q_proj`, in the order of their rows. */
  readonly modules: readonly string[];
  /** Whether the result is added to the residual stream. */
  readonly residual: boolean;
}

/** One value for each projection of a block. */
export interface PerLayer<T> {
  readonly queryKeyValue: T;
  readonly attentionOutput: T;
  readonly gateUp: T;
  readonly down: T;
}

/** One value for each projection of the model. */
export interface PerProjection<T> {
  readonly layers: readonly PerLayer<T>[];
  readonly unembedding: T;
}

const PER_LAYER = 4;

/** Every projection in the order of the model: block by block, the unembedding last. */
export function projectionsOf(config: ModelConfig): readonly Projection[] {
  const { width, hiddenWidth, vocabularySize, layers } = config;
  const blocks = Array.from({ length: layers }, (_, layer) => {
    const attention = (...names: string[]) => names.map((name) => `layers.${layer}.self_attn.${name}_proj`);
    const mlp = (...names: string[]) => names.map((name) => `layers.${layer}.mlp.${name}_proj`);
    return [
      stack('attention', width, width, attention('q', 'k', 'v')),
      { ...stack('attention', width, width, attention('o')), residual: true },
      stack('mlp', width, hiddenWidth, mlp('gate', 'up')),
      { ...stack('mlp', hiddenWidth, width, mlp('down')), residual: true },
    ];
  });
  return [...blocks.flat(), stack('unembedding', width, vocabularySize, ['lm_head'])];
}

/** Name the members of a list that runs in the order of {@link projectionsOf}. */
export function arrange<T>(values: readonly T[]): PerProjection<T> {
  const layers: PerLayer<T>[] = [];
  for (let at = 0; at + PER_LAYER < values.length; at += PER_LAYER) {
    const [queryKeyValue, attentionOutput, gateUp, down] = values.slice(at, at + PER_LAYER) as [T, T, T, T];
    layers.push({ queryKeyValue, attentionOutput, gateUp, down });
  }
  return { layers, unembedding: values[values.length - 1] as T };
}

/** The members of {@link arrange}'s result as the list they came from. */
export function flatten<T>({ layers, unembedding }: PerProjection<T>): readonly T[] {
  const blocks = layers.flatMap((layer) => [
    layer.queryKeyValue,
    layer.attentionOutput,
    layer.gateUp,
    layer.down,
  ]);
  return [...blocks, unembedding];
}

function stack(
  group: AdapterGroup,
  inputs: number,
  moduleOutputs: number,
  modules: readonly string[],
): Projection {
  return { group, inputs, outputs: moduleOutputs * modules.length, moduleOutputs, modules, residual: false };
}
