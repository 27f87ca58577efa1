import type { KernelPlan } from '../../kernels/plan.ts';
import { packUniform } from '../../kernels/uniform.ts';

/** y = factor * x, one lane an element: the smallest plan with an input, an output and Params. */
export function scalePlan(count: number, factor: number): KernelPlan {
  return {
    op: 'toy_scale',
    variant: 'plain',
    sources: [
      `struct Params { count: u32, factor: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < p.count) { y[id.x] = p.factor * x[id.x]; }
}`,
    ],
    constants: {},
    bindings: [
      { name: 'x', access: 'read', byteLength: count * 4 },
      { name: 'y', access: 'read_write', byteLength: count * 4 },
    ],
    uniform: packUniform([{ u32: count }, { f32: factor }]),
    workgroups: [Math.ceil(count / 64), 1, 1],
    flops: count,
    bytes: count * 8,
  };
}

/** Reads x and writes nothing: for plans that are never run. */
export function readPlan(count: number): KernelPlan {
  const plan = scalePlan(count, 1);
  return { ...plan, op: 'toy_read', bindings: plan.bindings.slice(0, 1) };
}
