import { pipelineKey, type KernelPlan } from '../kernels/plan.ts';
import { DeviceError } from './errors.ts';
import type { EngineCounters } from './ledger.ts';
import { SHADER_STAGE_COMPUTE } from './constants.ts';

/** A compiled kernel with its explicit bind group layout. */
export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * Compiles kernels asynchronously, each distinct one once. Layouts are explicit: with `layout: 'auto'` Dawn compiles
 * identical pipelines again and again.
 */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #counters: EngineCounters;
  readonly #kernels = new Map<string, Promise<CompiledKernel>>();
  readonly #layouts = new Map<string, { bindGroup: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();

  constructor(device: GPUDevice, counters: EngineCounters) {
    this.#device = device;
    this.#counters = counters;
  }

  /** Distinct kernels compiled or being compiled. */
  get size(): number {
    return this.#kernels.size;
  }

  /**
   * The compiled form of a plan's kernel.
   *
   * @throws DeviceError `internal` with the compiler's message, file and line
   */
  get(plan: KernelPlan): Promise<CompiledKernel> {
    const key = pipelineKey(plan);
    let kernel = this.#kernels.get(key);
    if (!kernel) {
      kernel = this.#compile(plan);
      this.#kernels.set(key, kernel);
      // A failed compile must not stay: the next try (on a device with another toggle, say) starts anew.
      kernel.catch(() => this.#kernels.delete(key));
    }
    return kernel;
  }

  async #compile(plan: KernelPlan): Promise<CompiledKernel> {
    const label = `${plan.op}[${plan.variant}]`;
    const { bindGroup, pipeline: layout } = this.#layoutOf(plan);
    const device = this.#device;
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ code: plan.sources.join('\n'), label });
    const scope = device.popErrorScope();
    // Listing compiler messages costs a round trip, so only after a failure.
    if (await scope) throw new DeviceError('internal', await describeCompileError(module, plan, label));
    try {
      const pipeline = await device.createComputePipelineAsync({
        layout,
        label,
        compute: { module, entryPoint: plan.entryPoint ?? 'main', constants: { ...plan.constants } },
      });
      this.#counters.pipelinesCompiled++;
      return { pipeline, layout: bindGroup };
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new DeviceError('internal', `${label}: the pipeline was refused: ${text}`, { cause });
    }
  }

  #layoutOf(plan: KernelPlan): { bindGroup: GPUBindGroupLayout; pipeline: GPUPipelineLayout } {
    const hasUniform = plan.uniform.byteLength > 0;
    const key = plan.bindings.map((binding) => binding.access).join(',') + (hasUniform ? ',uniform' : '');
    let layout = this.#layouts.get(key);
    if (!layout) {
      const entries: GPUBindGroupLayoutEntry[] = plan.bindings.map((binding, index) => ({
        binding: index,
        visibility: SHADER_STAGE_COMPUTE,
        buffer: { type: binding.access === 'read' ? 'read-only-storage' : 'storage' },
      }));
      if (hasUniform)
        entries.push({ binding: entries.length, visibility: SHADER_STAGE_COMPUTE, buffer: { type: 'uniform' } });
      const bindGroup = this.#device.createBindGroupLayout({ entries, label: key });
      layout = {
        bindGroup,
        pipeline: this.#device.createPipelineLayout({ bindGroupLayouts: [bindGroup], label: key }),
      };
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

async function describeCompileError(module: GPUShaderModule, plan: KernelPlan, label: string): Promise<string> {
  const { messages } = await module.getCompilationInfo();
  const lines = plan.sources.join('\n').split('\n');
  const errors = messages.filter((message) => message.type === 'error').slice(0, 5);
  const text = errors.map(
    (message) =>
      `${message.lineNum}:${message.linePos} ${message.message} | ${(lines[message.lineNum - 1] ?? '').trim()}`,
  );
  return `${label}: WGSL does not compile: ${text.join('; ')}`;
}
