/** One storage buffer that a kernel binds, in @binding order. */
export interface BindingSpec {
  /** Name of the WGSL variable. */
  readonly name: string;
  readonly access: 'read' | 'read_write';
  /** Bytes that the kernel may touch: the bound range must be at least this long. */
  readonly byteLength: number;
}

/**
 * Everything the runtime needs to run one kernel once. Plain data: no GPU objects, comparable, loggable.
 *
 * Bindings are all in group 0: inputs, then outputs, then the uniform `Params` last (absent where `uniform` is empty).
 * One buffer must never be bound both as `read` and as `read_write` in a plan: WebGPU refuses it. Work in place
 * through a single `read_write` binding instead.
 */
export interface KernelPlan {
  /** Op id in snake_case, used in errors, labels, traces and bench names. */
  readonly op: string;
  /** Which variant the planner chose, and its parameters: a label. The cache key is sources + constants + entry. */
  readonly variant: string;
  /** WGSL texts in order: prelude (enable, alias, const lines), parts of wgsl-lib, body. */
  readonly sources: readonly string[];
  /** Entry point; `main` where absent. */
  readonly entryPoint?: string;
  /** WGSL `override` values. */
  readonly constants: Readonly<Record<string, number>>;
  readonly bindings: readonly BindingSpec[];
  /** Packed `Params`, a multiple of 16 bytes; may be empty. */
  readonly uniform: Uint8Array;
  readonly workgroups: readonly [x: number, y: number, z: number];
  /** Floating-point operations (a multiply-add is two) and bytes that must at least move, for reports and estimates. */
  readonly flops: number;
  readonly bytes: number;
}

/** Two plans share a compiled pipeline exactly when their keys are equal. */
export function pipelineKey(plan: KernelPlan): string {
  const constants = Object.entries(plan.constants)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  const access = plan.bindings.map((binding) => (binding.access === 'read' ? 'r' : 'w')).join('');
  const uniform = plan.uniform.byteLength > 0 ? 'u' : '';
  return `${plan.entryPoint ?? 'main'}|${constants}|${access}${uniform}|${plan.sources.join('\n')}`;
}
