/**
 * A function that makes its value on the first call and returns the same one ever after: constant tables that cost
 * nothing at import.
 */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
