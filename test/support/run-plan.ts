import type { KernelPlan } from '../../kernels/plan.ts';
import type { Engine } from '../../runtime/engine.ts';
import { BUFFER_USAGE } from '../../runtime/constants.ts';

export { decodeWords } from '../../kernels/case-check.ts';

/** Words behind every output that must survive the kernel. */
const GUARD_WORDS = 16;
const GUARD = 0x5a5a5a5a;
/** A NaN with a payload: what an output holds before the kernel ran, so that an unwritten element shows. */
const POISON = 0x7fc0dead;

/**
 * Runs one plan and returns the words of every `read_write` binding.
 *
 * @throws Error if a guard word behind an output changed, or the device reported an error
 */
export async function runPlan(
  engine: Engine,
  plan: KernelPlan,
  inputs: Readonly<Record<string, ArrayBufferView>>,
): Promise<Record<string, Uint32Array>> {
  const { device } = engine;
  device.pushErrorScope('validation');
  const kernel = await engine.pipelines.get(plan);
  const usage = BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_SRC | BUFFER_USAGE.COPY_DST;
  const buffers = plan.bindings.map((binding) => {
    const words = Math.ceil(binding.byteLength / 4);
    const guards = binding.access === 'read_write' ? GUARD_WORDS : 0;
    const content = new Uint32Array(Math.max(words + guards, 1)).fill(POISON);
    const input = inputs[binding.name];
    if (input) {
      if (input.byteLength > words * 4)
        throw new Error(`"${binding.name}" has ${input.byteLength} bytes, the plan says ${binding.byteLength}`);
      new Uint8Array(content.buffer).set(new Uint8Array(input.buffer, input.byteOffset, input.byteLength));
    } else if (binding.access === 'read') throw new Error(`no input for "${binding.name}"`);
    content.fill(GUARD, words);
    const buffer = device.createBuffer({ size: content.byteLength, usage, label: binding.name });
    device.queue.writeBuffer(buffer, 0, content);
    return buffer;
  });
  const uniform =
    plan.uniform.byteLength > 0
      ? device.createBuffer({ size: plan.uniform.byteLength, usage: BUFFER_USAGE.UNIFORM | BUFFER_USAGE.COPY_DST })
      : undefined;
  if (uniform) device.queue.writeBuffer(uniform, 0, plan.uniform as Uint8Array<ArrayBuffer>);
  const bindGroup = device.createBindGroup({
    layout: kernel.layout,
    entries: [...buffers, ...(uniform ? [uniform] : [])].map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(kernel.pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...plan.workgroups);
  pass.end();
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) throw new Error(`${plan.op}[${plan.variant}]: ${error.message}`);
  const outputs: Record<string, Uint32Array> = {};
  for (const [index, binding] of plan.bindings.entries()) {
    if (binding.access !== 'read_write') continue;
    const all = new Uint32Array(await engine.read(buffers[index], 0, buffers[index].size));
    const words = Math.ceil(binding.byteLength / 4);
    if (all.subarray(words).some((word) => word !== GUARD))
      throw new Error(`${plan.op}[${plan.variant}]: wrote beyond the end of "${binding.name}"`);
    outputs[binding.name] = all.slice(0, words);
  }
  for (const buffer of buffers) buffer.destroy();
  uniform?.destroy();
  device.queue.submit([]);
  return outputs;
}
