import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const WAT = fileURLToPath(new URL('../../src/emulator/model/simd-products.wat', import.meta.url));

/** The module that carries the assembled program. */
export const BYTES_MODULE = fileURLToPath(
  new URL('../../src/emulator/model/simd-products-bytes.ts', import.meta.url),
);

/** Assemble a program in WebAssembly text. */
export async function assemble(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const { parseWat } = await wabt();
  const module = parseWat('simd-products.wat', text, { simd: true });
  try {
    module.validate();
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** The text of `simd-products.wat`. */
export function readProgram(): string {
  return readFileSync(WAT, 'utf8');
}

/** What {@link BYTES_MODULE} should say for these bytes. */
export function bytesModule(bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes).toString('base64');
  return `/** \`simd-products.wat\` assembled by \`npm run kernels\`, in base64: ${bytes.length} bytes. */
export const SIMD_PRODUCTS_BASE64 =
  '${base64}';
`;
}
