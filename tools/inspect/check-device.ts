import type { DeviceFacts } from '../../kernels/facts.ts';
import { DeviceError } from '../../runtime/errors.ts';
import { gib } from './format.ts';
import type { PassEstimate } from './pass-estimate.ts';

/**
 * Refuses a job that the device cannot hold.
 *
 * @param memoryBytes what the device has, where somebody knows: WebGPU does not say
 * @throws DeviceError `limit` or `out-of-memory` with the numbers
 */
export function checkDevice(
  estimate: PassEstimate,
  facts: DeviceFacts | undefined,
  name: string,
  memoryBytes: number | undefined,
): void {
  const { largestBinding, totalBytes } = estimate;
  const limit = facts && Math.min(facts.limits.maxStorageBufferBindingSize, facts.limits.maxBufferSize);
  if (limit !== undefined && largestBinding.byteLength > limit)
    throw new DeviceError(
      'limit',
      `plan: does not fit "${name}": "${largestBinding.label}" takes ${largestBinding.byteLength} bytes (${gib(largestBinding.byteLength)}), ` +
        `the device binds at most ${limit} (${gib(limit)}). Use fewer tokens, or a device with a larger maxStorageBufferBindingSize.`,
    );
  if (memoryBytes !== undefined && totalBytes > memoryBytes)
    throw new DeviceError(
      'out-of-memory',
      `plan: does not fit ${gib(memoryBytes)}: the transformer takes ${totalBytes} bytes (${gib(totalBytes)}), ` +
        `${gib(estimate.weightBytes)} of it weights. Use --precision int8, or fewer tokens.`,
    );
}
