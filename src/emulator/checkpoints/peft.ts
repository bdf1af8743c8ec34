import { encodeUtf8 } from '../../kernel/bytes.ts';
import { LORA_ALPHA } from '../model/adapter.ts';
import { encodeSafetensors, type NamedTensor } from './safetensors.ts';
import type { TarEntry } from './tar.ts';

/** An adapter as it is saved, to be written for other tools. */
export interface PeftAdapter {
  /** Named `{module}.lora_A.weight` and `{module}.lora_B.weight`. */
  readonly tensors: readonly NamedTensor[];
  readonly rank: number;
  readonly baseModel: string;
}

/**
 * The files that PEFT loads an adapter from, and the marker that says that all of them are there. Modules of the
 * model's body are named as in a causal language model: `base_model.model.model.layers.0.self_attn.q_proj`.
 */
export function peftFiles({ tensors, rank, baseModel }: PeftAdapter): readonly TarEntry[] {
  const config = {
    auto_mapping: null,
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layers_pattern: null,
    layers_to_transform: null,
    lora_alpha: LORA_ALPHA,
    lora_dropout: 0,
    modules_to_save: null,
    peft_type: 'LORA',
    r: rank,
    revision: null,
    target_modules: [...new Set(tensors.map(({ name }) => moduleOf(name)))],
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
  };
  const weights = encodeSafetensors({
    metadata: { format: 'pt' },
    tensors: tensors.map((tensor) => ({ ...tensor, name: peftName(tensor.name) })),
  });
  return [
    { name: 'adapter_config.json', bytes: encodeUtf8(`${JSON.stringify(config, null, 2)}\n`) },
    { name: 'adapter_model.safetensors', bytes: weights },
    { name: 'checkpoint_complete', bytes: new Uint8Array() },
  ];
}

/** `layers.0.self_attn.q_proj.lora_A.weight` is of module `q_proj`. */
function moduleOf(name: string): string {
  return name.split('.').at(-3) ?? name;
}

function peftName(name: string): string {
  return name.startsWith('layers.') ? `base_model.model.model.${name}` : `base_model.model.${name}`;
}
