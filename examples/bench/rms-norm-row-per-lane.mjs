// A variant of your own beside layerloom's, checked against the same reference before it is timed:
//   layerloom bench rms_norm --with examples/bench/rms-norm-row-per-lane.mjs
import { readFileSync } from 'node:fs';

const wgsl = readFileSync(new URL('./rms-norm-row-per-lane.wgsl', import.meta.url), 'utf8');
/** Invocations of a workgroup. */
const WG = 8;

/** The op that this is a variant of, and its name in the table. */
export const op = 'rms_norm';
export const name = 'row-per-lane';

/**
 * The plan for one case, or undefined where this kernel cannot run it.
 *
 * @param {string} caseName as `layerloom bench --list` shows it
 * @param {object} facts what planners may know of the device: features, limits, subgroup sizes
 * @param {object} ours layerloom's own plan: bindings, sizes and packed Params of the same problem
 */
export function plan(caseName, facts, ours) {
  if (!ours.variant.includes('vec4')) return undefined; // rows that are no multiple of four
  const rows = new DataView(ours.uniform.buffer, ours.uniform.byteOffset).getUint32(0, true);
  return { ...ours, sources: [wgsl], constants: { WG }, workgroups: [Math.ceil(rows / WG), 1, 1] };
}
