import { DeviceError } from '../errors.ts';

/** How to open Dawn. */
export interface DawnOptions {
  /** Toggles to enable beside the default ones. Unknown names are ignored by Dawn without a word. */
  readonly enable?: readonly string[];
  /** Toggles to disable, e.g. `timestamp_quantization` when profiling. */
  readonly disable?: readonly string[];
  /** Dawn's back end; `null` compiles kernels without any driver and runs nothing. */
  readonly backend?: 'vulkan' | 'null' | 'metal' | 'd3d12';
}

/**
 * `allow_unsafe_apis` exposes subgroup matrices; without the second, NVIDIA drivers before 615.71 get no `shader-f16`,
 * and with it no f16 matrices.
 */
export const DEFAULT_TOGGLES: readonly string[] = ['allow_unsafe_apis', 'vulkan_enable_f16_on_nvidia'];

/** Objects made here: Dawn's process dies if one is collected while a device of it lives. */
const kept: GPU[] = [];

/**
 * Opens Dawn in this process, as the WebGPU entry point that `createEngine({ gpu })` takes.
 *
 * @throws DeviceError `no-adapter` if the `webgpu` package cannot be loaded
 */
export async function openDawn(options: DawnOptions = {}): Promise<GPU> {
  let create: (flags: string[]) => GPU;
  try {
    ({ create } = (await import('webgpu')) as { create: (flags: string[]) => GPU });
  } catch (cause) {
    throw new DeviceError(
      'no-adapter',
      'engine: the npm package "webgpu" cannot be loaded. Install it: npm install webgpu.',
      {
        cause,
      },
    );
  }
  const flags = [`enable-dawn-features=${[...DEFAULT_TOGGLES, ...(options.enable ?? [])].join(',')}`];
  if (options.disable?.length) flags.push(`disable-dawn-features=${options.disable.join(',')}`);
  if (options.backend) flags.push(`backend=${options.backend}`);
  const gpu = create(flags);
  kept.push(gpu);
  return gpu;
}
