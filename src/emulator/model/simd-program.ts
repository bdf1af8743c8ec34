import { SIMD_PRODUCTS_BASE64 } from './simd-products-bytes.ts';

/** Vectors of a factor are packed by fours. */
export const TILE = 4;

/** The longest vectors that can be packed. */
export const MAX_INNER = 4096;

/** The most columns of a result. */
export const MAX_COLUMNS = 256;

/** Elements of a packed factor, and of a result. */
export const PANEL_LENGTH = 32_768;

const PANEL_BYTES = PANEL_LENGTH * 8;

/** Where the packed left factor is in the memory, in bytes. */
export const LEFT = 0;

/** Where the packed right factor is. */
export const RIGHT = PANEL_BYTES;

/** Where a copy of part of a matrix goes, to be packed: up to 2 * {@link PANEL_LENGTH} floats. */
export const RAW = 2 * PANEL_BYTES;

/** Where the product is, doubles or floats. */
export const RESULT = 3 * PANEL_BYTES;

/** Distance of two rows of a result; more than they need, as powers of two would crowd a few lines of the cache. */
export function resultStride(columns: number): number {
  return Math.ceil(columns / TILE) * TILE + 16;
}

/** `simd-products.wat` at work; documented there. */
export interface SimdProgram {
  readonly memory: WebAssembly.Memory;
  pack(from: number, step: number, next: number, inner: number, tiles: number, to: number): void;
  multiply(
    lefts: number,
    rights: number,
    inner: number,
    rowTiles: number,
    columnTiles: number,
    out: number,
    outStride: number,
    doubles: number,
  ): void;
}

/** The part of WebAssembly that is used here. */
export type WebAssemblyApi = Pick<typeof WebAssembly, 'Module' | 'Instance'>;

/**
 * The program, or undefined where it cannot run: no WebAssembly, none with 128-bit registers, or a platform
 * (Cloudflare Workers, pages with a strict content security policy) that does not compile bytes.
 */
export function loadSimdProgram(api: WebAssemblyApi | undefined): SimdProgram | undefined {
  if (api === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(SIMD_PRODUCTS_BASE64), (character) => character.charCodeAt(0));
    const { exports } = new api.Instance(new api.Module(bytes));
    return exports as unknown as SimdProgram; // a test assembles the very bytes from the text
  } catch {
    return undefined;
  }
}
