import { createId } from './random.ts';

/**
 * A UUID of version 4. Its bits are those of `makeId` where that makes 128 of them in hex, with or without dashes, as
 * {@link createId} does; else they are drawn anew.
 *
 * @param makeId - A client's own source of ids. @default {@link createId}
 */
export function createUuid(makeId: () => string = createId): string {
  const made = makeId().replaceAll('-', '').toLowerCase();
  const hex = /^[0-9a-f]{32}$/.test(made) ? made : createId();
  // Six bits are fixed: four say the version, two the variant.
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) % 4];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
