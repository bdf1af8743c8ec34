import type { ChatTemplate } from './tokenizer.ts';

/** Texts that the reference gives to templates by name, where a tokenizer has them. */
const NAMED = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];

/**
 * How conversations are written, as a `tokenizer_config.json` says.
 *
 * @param file - Content of a `chat_template.jinja`, which wins.
 */
export function readChatTemplate(
  config: Readonly<Record<string, unknown>>,
  file?: string | undefined,
): ChatTemplate | undefined {
  const source = file ?? templateIn(config['chat_template']);
  return source === undefined ? undefined : { source, variables: readVariables(config) };
}

/** One template, or several with names, of which one is the default. */
function templateIn(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const named = value as readonly { readonly name?: unknown; readonly template?: unknown }[];
  const template = named.find((entry) => entry?.name === 'default')?.template;
  return typeof template === 'string' ? template : undefined;
}

function readVariables(config: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const more = config['extra_special_tokens'];
  const named = NAMED.map((name) => [name, config[name]] as const);
  const extra = typeof more === 'object' && more !== null && !Array.isArray(more) ? Object.entries(more) : [];
  return Object.fromEntries(
    [...named, ...extra].flatMap(([name, value]) => {
      const text = tokenText(value);
      return text === undefined ? [] : [[name, text]];
    }),
  );
}

/** A token is its text, or an object with its text and its rules. */
function tokenText(value: unknown): string | undefined {
  const text =
    typeof value === 'object' && value !== null ? (value as { readonly content?: unknown }).content : value;
  return typeof text === 'string' && text !== '' ? text : undefined;
}
