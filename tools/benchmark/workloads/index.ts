import { UsageError } from '../../../runtime/errors.ts';
import { blockWorkload } from './block.ts';
import {
  attentionWorkload,
  convWorkload,
  layerNormWorkload,
  matmulWorkload,
  rmsRopeWorkload,
} from './plain-workloads.ts';
import type { Workload } from './workload.ts';

const G1_ROWS = [4096, 8192, 12800, 16384];
const G1_SHAPES = [
  [3072, 3072],
  [9216, 3072],
  [12288, 3072],
  [3072, 12288],
] as const;

/** Workloads by id. C1 to C5 are small enough for a CPU driver, G1 and G3 want a large GPU. */
const SETS: Readonly<Record<string, () => readonly Workload[]>> = {
  C1: () => [
    matmulWorkload('C1', 256, 256, 256),
    matmulWorkload('C1', 512, 512, 512),
    matmulWorkload('C1', 1024, 1024, 1024),
    matmulWorkload('C1', 256, 768, 768),
    matmulWorkload('C1', 256, 2304, 768),
    matmulWorkload('C1', 256, 3072, 768),
    matmulWorkload('C1', 512, 512, 512, 'f16'),
    matmulWorkload('C1', 256, 3072, 768, 'f16'),
  ],
  C2: () => [256, 1024].flatMap((s) => [64, 128].map((d) => attentionWorkload('C2', s, 4, d))),
  C3: () => [convWorkload('C3', 64, 64, 128, 128), convWorkload('C3', 128, 128, 128, 128)],
  C4: () => [layerNormWorkload('C4', 1024, 768), rmsRopeWorkload('C4', 1024, 12, 64)],
  C5: () => [blockWorkload('C5', { heads: 12, d: 64, txt: 64, img: 256 })],
  G1: () => [
    ...G1_ROWS.flatMap((m) => G1_SHAPES.map(([n, k]) => matmulWorkload('G1', m, n, k, 'f16'))),
    ...[1, 4, 8].map((m) => matmulWorkload('G1', m, 18432, 3072, 'f16')),
  ],
  G3: () => [4096, 8192, 12800, 16384, 20480].map((s) => attentionWorkload('G3', s, 24, 128, 'f16')),
};

/** Ids of the workloads that contestants run. */
export const CONTEST_IDS: readonly string[] = Object.keys(SETS);

/**
 * The workloads of these ids.
 *
 * @throws UsageError if an id is unknown
 */
export function workloadsOf(ids: readonly string[]): Workload[] {
  return ids.flatMap((id) => {
    const make = SETS[id];
    if (!make) throw new UsageError(`bench: no workload "${id}". Workloads: ${CONTEST_IDS.join(', ')}.`);
    return make();
  });
}
