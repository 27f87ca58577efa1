import type { DeviceFacts } from './facts.ts';

/**
 * Variants that were measured to be the fastest on a device: `op | shape class` -> variant name. Plain data out of a tuning
 * file. Which variant runs decides the last bits of a result, so the table's name belongs into a run's record.
 */
export type TuningTable = Readonly<Record<string, string>>;

/** Key of a shape class of an op in a tuning table. */
export function tuningKey(op: string, shapeClass: string): string {
  return `${op} | ${shapeClass}`;
}

/** The next power of two: row counts within a factor of two share a shape class. */
export function sizeClass(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)));
}

/**
 * The variants with the one that the device's tuning table names in front. A name that cannot run the problem (another
 * device's table, an older version's) changes nothing.
 */
export function tunedFirst<V extends string>(
  facts: DeviceFacts,
  op: string,
  shapeClass: string,
  variants: readonly V[],
): V[] {
  const name = facts.tuning?.[tuningKey(op, shapeClass)];
  const tuned = variants.find((variant) => variant === name);
  return tuned === undefined ? [...variants] : [tuned, ...variants.filter((variant) => variant !== tuned)];
}
