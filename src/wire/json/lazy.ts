/** Build on first use, keep for ever. Marked pure at each use, so that an unused schema leaves the bundle. */
export function lazy<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
