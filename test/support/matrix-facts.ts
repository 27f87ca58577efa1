import { FLOOR_FACTS, type DeviceFacts, type MatrixConfig } from '../../kernels/facts.ts';

const config = (
  component: MatrixConfig['component'],
  result: MatrixConfig['result'],
  m: number,
  n: number,
  k: number,
) => ({
  component,
  result,
  m,
  n,
  k,
});

/** What an NVIDIA GPU lists, as the spec has it from others; workgroup memory is its 48 KiB. */
export const NVIDIA_FACTS: DeviceFacts = {
  ...FLOOR_FACTS,
  f16: true,
  subgroups: true,
  subgroupSizeControl: true,
  subgroupMinSize: 32,
  subgroupMaxSize: 32,
  matrixConfigs: [
    config('f16', 'f16', 16, 16, 16),
    config('f16', 'f32', 16, 8, 8),
    config('f16', 'f32', 16, 8, 16),
    config('f16', 'f32', 16, 16, 16),
    config('u8', 'u32', 16, 16, 32),
    config('i8', 'i32', 16, 16, 32),
  ],
  limits: { ...FLOOR_FACTS.limits, maxComputeWorkgroupStorageSize: 49152, maxComputeInvocationsPerWorkgroup: 1024 },
};

/** What lavapipe of Mesa 26 lists. */
export const LAVAPIPE_FACTS: DeviceFacts = {
  ...NVIDIA_FACTS,
  kind: 'software',
  driver: 'lavapipe',
  subgroupMinSize: 8,
  subgroupMaxSize: 8,
  matrixConfigs: [
    config('f16', 'f16', 8, 8, 8),
    config('f16', 'f32', 8, 8, 8),
    config('u8', 'u32', 8, 8, 8),
    config('i8', 'i32', 8, 8, 8),
  ],
  limits: { ...NVIDIA_FACTS.limits, maxComputeWorkgroupStorageSize: 32768 },
};
