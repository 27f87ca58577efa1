import { openDawn } from '../../../runtime/node/dawn.ts';

/** Matrix configurations as an NVIDIA GPU lists them: [component, result, m, n, k]. */
const CONFIGS = [
  ['f16', 'f16', 16, 16, 16],
  ['f16', 'f32', 16, 16, 16],
  ['u8', 'u32', 16, 16, 32],
  ['i8', 'i32', 16, 16, 32],
] as const;

/**
 * Dawn's null back end with what an NVIDIA GPU says of itself: kernels for it are compiled (by Dawn, no driver sees them),
 * nothing is computed. Workgroup memory is the null back end's own 16 KiB, so that larger tiles are left out.
 */
export async function openNullGpu(): Promise<GPU> {
  const gpu = await openDawn({ backend: 'null' });
  const info = {
    vendor: '',
    architecture: '',
    device: '',
    description: 'null back end in the shape of an NVIDIA GPU: compiles, computes nothing',
    subgroupMinSize: 32,
    subgroupMaxSize: 32,
    isFallbackAdapter: false,
    subgroupMatrixConfigs: CONFIGS.map(([componentType, resultComponentType, M, N, K]) => ({
      componentType,
      resultComponentType,
      M,
      N,
      K,
    })),
  };
  const requestAdapter = async (): Promise<GPUAdapter | null> => {
    const adapter = await gpu.requestAdapter();
    if (!adapter) return null;
    const { features, limits } = adapter;
    const requestDevice = (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> => adapter.requestDevice(descriptor);
    return { features, limits, info, requestDevice } as unknown as GPUAdapter;
  };
  return { requestAdapter } as unknown as GPU;
}
