import type { TuningTable } from './tuning.ts';

/** One product that the device's matrix units compute: D[M,N] = A[M,K] B[K,N] + C. */
export interface MatrixConfig {
  /** Component type of A and B. */
  readonly component: 'f32' | 'f16' | 'u32' | 'i32' | 'u8' | 'i8';
  /** Component type of C and D. */
  readonly result: 'f32' | 'f16' | 'u32' | 'i32';
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Limits that planners look at; names are WebGPU's. */
export interface DeviceLimits {
  readonly maxStorageBufferBindingSize: number;
  readonly maxBufferSize: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeWorkgroupsPerDimension: number;
  readonly minStorageBufferOffsetAlignment: number;
  readonly minUniformBufferOffsetAlignment: number;
}

/**
 * What a planner may know of a device: plain data, comparable, made up freely in tests.
 *
 * Tiers (design 4): T0 has neither f16 nor subgroups nor matrices; T1 has f16 and subgroups; T2 has matrixConfigs.
 */
export interface DeviceFacts {
  /** `software` = a CPU driver: barriers and wide workgroups hurt there, so planners choose other variants. */
  readonly kind: 'gpu' | 'software';
  /** Which software driver; they differ in what their compilers like (unrolled registers or arrays in loops). */
  readonly driver: 'lavapipe' | 'swiftshader' | 'other';
  /** `shader-f16` is enabled: f16 arithmetic and f16 arrays. Packed f16 storage works without it. */
  readonly f16: boolean;
  readonly subgroups: boolean;
  /** `@subgroup_size(n)` may be written, for n in [subgroupMinSize, subgroupMaxSize]. */
  readonly subgroupSizeControl: boolean;
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  readonly matrixConfigs: readonly MatrixConfig[];
  /**
   * Whether planners choose kernels for the matrix unit: true = wherever they can run, false = nowhere; absent = where they
   * are faster and the operands are no wider than f16 already.
   */
  readonly preferMatrix?: boolean;
  /** Variants that were measured to be the fastest here: what planners choose before their own rules. */
  readonly tuning?: TuningTable;
  readonly limits: DeviceLimits;
}

/** The floor that WebGPU guarantees everywhere (tier T0), as a GPU: for tests and for estimates without a device. */
export const FLOOR_FACTS: DeviceFacts = {
  kind: 'gpu',
  driver: 'other',
  f16: false,
  subgroups: false,
  subgroupSizeControl: false,
  subgroupMinSize: 1,
  subgroupMaxSize: 128,
  matrixConfigs: [],
  limits: {
    maxStorageBufferBindingSize: 128 * 1024 * 1024,
    maxBufferSize: 256 * 1024 * 1024,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeWorkgroupsPerDimension: 65535,
    minStorageBufferOffsetAlignment: 256,
    minUniformBufferOffsetAlignment: 256,
  },
};
