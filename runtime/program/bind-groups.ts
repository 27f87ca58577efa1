import type { Engine } from '../engine.ts';
import type { CompiledKernel } from '../pipeline-cache.ts';
import type { PackedParams } from './params.ts';
import type { ProgramPlan } from './plan.ts';

/** Bytes of a buffer that a storage lies in. */
export interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** One dispatch, ready to be encoded. */
export interface Step {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

/**
 * The steps of a program. Dispatches whose kernels have one layout and that bind the same ranges and equal Params share a bind
 * group. Params lie at fixed offsets: dynamic ones would let more dispatches share, but cost more at every replay (figures in
 * the README of this folder).
 */
export function bindSteps(
  engine: Engine,
  plan: ProgramPlan,
  parts: {
    readonly kernels: readonly CompiledKernel[];
    readonly rangeOf: readonly BufferRange[];
    readonly params: PackedParams;
    readonly uniforms: GPUBuffer | undefined;
  },
): readonly Step[] {
  const { kernels, rangeOf, params, uniforms } = parts;
  const numberOf = numbering();
  const groups = new Map<string, GPUBindGroup>();
  return plan.dispatches.map(({ plan: kernelPlan, operands }, index): Step => {
    const { pipeline, layout } = kernels[index];
    const ranges = operands.map((id) => rangeOf[id]);
    if (uniforms && kernelPlan.uniform.byteLength > 0)
      ranges.push({ buffer: uniforms, offset: params.offsets[index], size: kernelPlan.uniform.byteLength });
    const names = ranges.map(({ buffer, offset, size }) => `${numberOf(buffer)}+${offset}:${size}`);
    const key = `${numberOf(layout)}|${names.join()}`;
    let group = groups.get(key);
    if (!group) {
      const entries = ranges.map((resource, binding): GPUBindGroupEntry => ({ binding, resource }));
      const label = `${kernelPlan.op}[${kernelPlan.variant}]`;
      group = engine.device.createBindGroup({ layout, entries, label });
      engine.counters.bindGroupsCreated++;
      groups.set(key, group);
    }
    return { pipeline, group, workgroups: kernelPlan.workgroups };
  });
}

/** Numbers objects in the order of their first appearance. */
function numbering(): (object: object) => number {
  const numbers = new Map<object, number>();
  return (object) => {
    const known = numbers.get(object);
    if (known !== undefined) return known;
    numbers.set(object, numbers.size);
    return numbers.size - 1;
  };
}
