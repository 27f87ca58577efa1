/** Bytes as GiB, MiB or KiB, for people. */
export function gib(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return bytes >= 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${bytes} B`;
}

/** Operations as PFLOP, TFLOP or GFLOP, for people. */
export function flop(count: number): string {
  if (count >= 1e15) return `${(count / 1e15).toFixed(2)} PFLOP`;
  return count >= 1e12 ? `${(count / 1e12).toFixed(2)} TFLOP` : `${(count / 1e9).toFixed(2)} GFLOP`;
}

/** A large count with separators. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** Lines of `key  value`, aligned. */
export function keyValueLines(pairs: readonly (readonly [key: string, value: string])[]): string[] {
  const width = Math.max(...pairs.map(([key]) => key.length));
  return pairs.map(([key, value]) => `${key.padEnd(width)}  ${value}`);
}
