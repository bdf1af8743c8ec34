/** @throws Error - with `otherwise`, where something is not as it must be. */
export function demand(isTrue: boolean, otherwise: string): asserts isTrue {
  if (!isTrue) throw new Error(otherwise);
}
