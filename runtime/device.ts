import type { DeviceFacts, MatrixConfig } from '../kernels/facts.ts';
import { matrixUnit } from '../kernels/matrix-unit.ts';
import { DeviceError } from './errors.ts';

/** Which adapters a caller will take: any, only a real GPU, or only a software driver (for tests). */
export type AdapterChoice = 'any' | 'gpu' | 'software';

/**
 * Capabilities that kernels may use: T0 = what every WebGPU device has, T1 = f16 and subgroups, T2 = matrix units, wherever
 * a kernel for them can run (products then round their operands to f16, sums stay f32).
 */
export type DeviceTier = 'T0' | 'T1' | 'T2';

/** What an adapter says of itself, for reports and run records. */
export interface DeviceInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** True for CPU drivers such as llvmpipe and SwiftShader. */
  readonly isSoftware: boolean;
}

/** Dawn's additions to GPUAdapterInfo that the standard typings lack. */
interface ExtendedAdapterInfo extends GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly componentType: string;
    readonly resultComponentType: string;
    readonly M: number;
    readonly N: number;
    readonly K: number;
  }>;
}

/** Features that are used where the adapter has them; none is required. */
const WANTED_FEATURES = [
  'shader-f16',
  'subgroups',
  'subgroup-size-control',
  'timestamp-query',
  'chromium-experimental-subgroup-matrix',
] as const;

/** Limits that are raised to what the adapter offers: WebGPU's defaults are far below it. */
const WANTED_LIMITS = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupStorageSize',
] as const;

/**
 * True for drivers that run on the CPU. Some report themselves as fallback adapters, all are known by name.
 */
export function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  return /llvmpipe|lavapipe|swiftshader|softpipe|microsoft basic render/.test(text);
}

/**
 * Picks an adapter: a real GPU before a software one.
 *
 * @throws DeviceError `no-adapter` if there is none, `software-adapter` if only a software driver is there and
 *   `choice` is `gpu`; both name the remedy
 */
export async function chooseAdapter(gpu: GPU, choice: AdapterChoice): Promise<GPUAdapter> {
  const adapter =
    (await gpu.requestAdapter({ powerPreference: 'high-performance' })) ??
    (await gpu.requestAdapter({ forceFallbackAdapter: true }));
  if (!adapter)
    throw new DeviceError(
      'no-adapter',
      'engine: no WebGPU adapter found. Install a Vulkan driver, or a software one: `layerloom doctor` says how.',
    );
  const software = isSoftwareAdapter(adapter.info);
  if (choice === 'gpu' && software)
    throw new DeviceError(
      'software-adapter',
      `engine: a GPU was asked for, but the only adapter is the software driver "${adapter.info.description}". ` +
        'Install the GPU vendor\'s Vulkan driver (its ICD file may be missing), or open the engine with { adapter: "any" }.',
    );
  if (choice === 'software' && !software) {
    const fallback = await gpu.requestAdapter({ forceFallbackAdapter: true });
    if (fallback && isSoftwareAdapter(fallback.info)) return fallback;
    throw new DeviceError(
      'software-adapter',
      `engine: a software driver was asked for, but the adapter is "${adapter.info.description}". Set VK_DRIVER_FILES to a software driver's ICD file.`,
    );
  }
  return adapter;
}

/** Opens a device with every wanted feature and limit that the adapter has. */
export async function openDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const features = WANTED_FEATURES.filter((name) => adapter.features.has(name)) as GPUFeatureName[];
  const limits: Record<string, number> = {};
  const offered = adapter.limits as unknown as Record<string, number>;
  for (const name of WANTED_LIMITS) if (typeof offered[name] === 'number') limits[name] = offered[name];
  try {
    return await adapter.requestDevice({ requiredFeatures: features, requiredLimits: limits, label: 'layerloom' });
  } catch (cause) {
    throw new DeviceError('internal', `engine: opening "${adapter.info.description}" failed: ${String(cause)}.`, {
      cause,
    });
  }
}

/** What the device says of itself. An app's own device may lack `adapterInfo`: then the texts are empty. */
export function describeDevice(device: GPUDevice, adapterInfo?: GPUAdapterInfo): DeviceInfo {
  const info = adapterInfo ?? device.adapterInfo;
  return {
    vendor: info?.vendor ?? '',
    architecture: info?.architecture ?? '',
    device: info?.device ?? '',
    description: info?.description ?? '',
    isSoftware: info ? isSoftwareAdapter(info) : false,
  };
}

/** Plain facts for planners, read from a device. */
export function factsOf(device: GPUDevice, adapterInfo?: GPUAdapterInfo): DeviceFacts {
  const info = (adapterInfo ?? device.adapterInfo) as ExtendedAdapterInfo | undefined;
  const text = `${info?.description ?? ''} ${info?.architecture ?? ''} ${info?.device ?? ''}`.toLowerCase();
  const has = (name: string): boolean => device.features.has(name as GPUFeatureName);
  const limits = device.limits;
  return {
    kind: info && isSoftwareAdapter(info) ? 'software' : 'gpu',
    driver: /llvmpipe|lavapipe/.test(text) ? 'lavapipe' : text.includes('swiftshader') ? 'swiftshader' : 'other',
    f16: has('shader-f16'),
    subgroups: has('subgroups'),
    subgroupSizeControl: has('subgroup-size-control'),
    subgroupMinSize: info?.subgroupMinSize || 1,
    subgroupMaxSize: info?.subgroupMaxSize || 128,
    matrixConfigs: has('chromium-experimental-subgroup-matrix') ? matrixConfigsOf(info) : [],
    limits: {
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxBufferSize: limits.maxBufferSize,
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
      minStorageBufferOffsetAlignment: limits.minStorageBufferOffsetAlignment,
      minUniformBufferOffsetAlignment: limits.minUniformBufferOffsetAlignment,
    },
  };
}

function matrixConfigsOf(info: ExtendedAdapterInfo | undefined): MatrixConfig[] {
  return [...(info?.subgroupMatrixConfigs ?? [])].map((config) => ({
    component: config.componentType as MatrixConfig['component'],
    result: config.resultComponentType as MatrixConfig['result'],
    m: config.M,
    n: config.N,
    k: config.K,
  }));
}

/**
 * Facts of the same device for kernels of one tier: without what lies above it, and with matrix units preferred at T2 even
 * where they are slower (software drivers) or round f32 weights.
 *
 * @throws DeviceError `missing-feature` if the device is below the tier
 */
export function factsAtTier(facts: DeviceFacts, tier: DeviceTier): DeviceFacts {
  const { preferMatrix: _, ...own } = facts;
  if (tier === 'T0') return { ...own, f16: false, subgroups: false, subgroupSizeControl: false, matrixConfigs: [] };
  if (!facts.f16 || !facts.subgroups)
    throw new DeviceError(
      'missing-feature',
      `engine: tier ${tier} needs f16 and subgroups, which this device lacks. Use T0.`,
    );
  if (tier === 'T1') return { ...own, matrixConfigs: [] };
  if (!matrixUnit(facts, 'f16'))
    throw new DeviceError(
      'missing-feature',
      'engine: tier T2 needs f16 matrices with f32 sums, which this device lacks. Use T1, or Mesa 26 on a CPU.',
    );
  return { ...own, preferMatrix: true };
}
