import type { DeviceFacts, MatrixConfig } from './facts.ts';

/** A matrix product that a device has, and how a kernel for it is written. */
export interface MatrixUnit {
  readonly component: 'f16' | 'i8';
  readonly result: 'f32' | 'i32';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Invocations of a subgroup. */
  readonly subgroupSize: number;
  /** Whether `@subgroup_size` is written; where not, the device has this one size anyway. */
  readonly setsSize: boolean;
  /**
   * `unrolled` names every fragment, because GPU compilers may keep an array of matrices in memory; `rolled` keeps arrays
   * and loops, which software drivers compile several times faster.
   */
  readonly form: 'rolled' | 'unrolled';
  /** Bytes of workgroup memory and invocations of a workgroup that the device allows. */
  readonly storage: number;
  readonly invocations: number;
}

/** Shapes in order of preference: NVIDIA's, its narrow form, Apple's and lavapipe's, Intel's. */
const SHAPES: readonly (readonly [m: number, n: number, k: number])[] = [
  [16, 16, 16],
  [16, 16, 32],
  [16, 8, 16],
  [16, 8, 32],
  [8, 8, 8],
  [8, 16, 16],
  [8, 16, 32],
];

/** NVIDIA's subgroup; where a device has several sizes, the one nearest to it. */
const PREFERRED_SUBGROUP = 32;

/**
 * The product of `component` matrices with 32-bit sums that kernels use on a device, or undefined where it has none.
 *
 * A config with f16 sums is never taken: they overflow at 65504 and lose bits long before.
 */
export function matrixUnit(facts: DeviceFacts, component: 'f16' | 'i8'): MatrixUnit | undefined {
  if (!facts.subgroups || (component === 'f16' && !facts.f16)) return undefined;
  const result = component === 'f16' ? 'f32' : 'i32';
  const config = bestConfig(facts.matrixConfigs, component, result);
  const { subgroupMinSize: min, subgroupMaxSize: max, subgroupSizeControl: setsSize } = facts;
  // Without control of the size a workgroup's subgroups may be of any size between the two: nothing can be laid out.
  if (!config || (!setsSize && min !== max)) return undefined;
  return {
    component,
    result,
    m: config.m,
    n: config.n,
    k: config.k,
    subgroupSize: Math.min(max, Math.max(min, PREFERRED_SUBGROUP)),
    setsSize,
    form: facts.kind === 'software' ? 'rolled' : 'unrolled',
    storage: facts.limits.maxComputeWorkgroupStorageSize,
    invocations: facts.limits.maxComputeInvocationsPerWorkgroup,
  };
}

function bestConfig(
  configs: readonly MatrixConfig[],
  component: 'f16' | 'i8',
  result: 'f32' | 'i32',
): MatrixConfig | undefined {
  for (const [m, n, k] of SHAPES) {
    const found = configs.find(
      (config) =>
        config.component === component &&
        config.result === result &&
        config.m === m &&
        config.n === n &&
        config.k === k,
    );
    if (found) return found;
  }
  return undefined;
}
