/** The shape of the model. Every number is a positive integer except `seed`, which may be any finite number. */
export interface ModelConfig {
  /** Number of token ids; the byte tokenizer needs 256. */
  readonly vocabularySize: number;
  /** Width of the residual stream; a multiple of `heads`. */
  readonly width: number;
  /** Number of transformer blocks. */
  readonly layers: number;
  /** Attention heads; `width / heads` must be even, because rotary positions turn pairs. */
  readonly heads: number;
  /** Width of the gated MLP. */
  readonly hiddenWidth: number;
  /** Longest sequence, in tokens. */
  readonly contextLength: number;
  /** Selects the frozen random base weights. */
  readonly seed: number;
}

/** The default: bytes in, two blocks, small enough to train in plain JavaScript while someone watches. */
export const defaultModelConfig: ModelConfig = {
  vocabularySize: 256,
  width: 48,
  layers: 2,
  heads: 4,
  hiddenWidth: 96,
  contextLength: 256,
  seed: 1,
};

/** No field may exceed this: a typing mistake should not allocate gigabytes. */
const MAX_SIZE = 65_536;

const SIZES = ['vocabularySize', 'width', 'layers', 'heads', 'hiddenWidth', 'contextLength'] as const;

/**
 * Fill a partial configuration from {@link defaultModelConfig} and check it.
 *
 * @throws RangeError naming the field, its value and the bound.
 */
export function resolveModelConfig(partial: Partial<ModelConfig> = {}): ModelConfig {
  const config = { ...defaultModelConfig, ...partial };
  for (const field of SIZES) requireSize(field, config[field]);
  if (!Number.isFinite(config.seed))
    throw new RangeError(`seed is ${config.seed}; it must be a finite number`);
  const { width, heads } = config;
  if (width % heads !== 0) {
    throw new RangeError(`width is ${width}; it must be a multiple of heads (${heads})`);
  }
  if ((width / heads) % 2 !== 0) {
    throw new RangeError(
      `width / heads is ${width / heads}; it must be even (width ${width}, heads ${heads})`,
    );
  }
  return config;
}

function requireSize(field: string, value: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_SIZE) return;
  throw new RangeError(`${field} is ${value}; it must be an integer from 1 to ${MAX_SIZE}`);
}
