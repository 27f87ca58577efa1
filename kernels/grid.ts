import type { DeviceLimits } from './facts.ts';
import { ShapeError } from './errors.ts';

/**
 * Spreads a one-dimensional count of workgroups over x and y, within the device's limit per dimension.
 *
 * The kernel finds its index as `wid.y * num_workgroups.x + wid.x` (or gets the width in its Params) and must return
 * at once where that is beyond the count: the grid may be larger than asked for.
 */
export function spreadGrid(count: number, limits: DeviceLimits): [x: number, y: number, z: number] {
  const max = limits.maxComputeWorkgroupsPerDimension;
  if (count <= max) return [Math.max(count, 1), 1, 1];
  const y = Math.ceil(count / max);
  if (y > max) throw new ShapeError(`grid: ${count} workgroups do not fit ${max} x ${max}.`);
  return [Math.ceil(count / y), y, 1];
}
