import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import { spreadGrid } from '../grid.ts';
import type { KernelPlan } from '../plan.ts';
import { requireSizes } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { wgsl as fused } from './fma-fused.wgsl.ts';
import { wgsl as separate } from './fma-separate.wgsl.ts';
import { wgsl as copyBody } from './probe-copy.wgsl.ts';
import { wgsl as fmaBody } from './probe-fma.wgsl.ts';

const OP = 'probe';

/** Units of 16 bytes that an invocation copies. Which number is fastest differs, so the roofline takes the best. */
export type CopyProbeVariant = 'x1' | 'x4' | 'x16';
export const COPY_PROBE_VARIANTS: readonly CopyProbeVariant[] = ['x1', 'x4', 'x16'];

/** Whether a step is one `fma` or a product and a sum: some software drivers emulate the former. */
export type FmaProbeVariant = 'fused' | 'separate';
export const FMA_PROBE_VARIANTS: readonly FmaProbeVariant[] = ['fused', 'separate'];

/** Factor and summand of the FMA probe's chains: slow decay, so that results stay of order 1 and depend on every step. */
export const FMA_PROBE_FACTOR = 1 - 2 ** -10;
export const FMA_PROBE_SUMMAND = 2 ** -10;

/** Steps of a chain in a round of the FMA probe's loop, chains of a lane, operations of a step on a vec4. */
const STEPS_PER_ROUND = 4;
const OPERATIONS_PER_ROUND = STEPS_PER_ROUND * 4 * 8;

/**
 * Plans y = x over `units` of 16 bytes: the memory roof. Bindings: x, y (any dtype).
 *
 * @throws ShapeError if `units` is not a positive whole number
 */
export function planCopyProbe(facts: DeviceFacts, units: number, variant: CopyProbeVariant): KernelPlan {
  requireSizes(OP, { units });
  const per = Number(variant.slice(1));
  const lanes = facts.kind === 'software' ? 64 : 256;
  return {
    op: OP,
    variant: `copy-${variant}`,
    sources: [`const PER: u32 = ${per}u;\n`, copyBody],
    constants: { WG: lanes },
    bindings: [
      { name: 'x', access: 'read', byteLength: units * 16 },
      { name: 'y', access: 'read_write', byteLength: units * 16 },
    ],
    uniform: packUniform([{ u32: units }]),
    workgroups: spreadGrid(Math.ceil(units / (lanes * per)), facts.limits),
    flops: 0,
    bytes: units * 32,
  };
}

/** Size of an FMA probe. */
export interface FmaProbeOptions {
  readonly invocations: number;
  /** Rounds of the loop: 64 multiply-adds an invocation each. */
  readonly rounds: number;
}

/** Steps that each chain of a probe takes. */
export function fmaProbeSteps({ rounds }: FmaProbeOptions): number {
  return rounds * STEPS_PER_ROUND;
}

/**
 * Plans chains of multiply-adds in registers: the f32 arithmetic roof. Bindings: seeds f32 [invocations], out f32
 * [invocations, 4].
 *
 * @throws ShapeError if a size is not a positive whole number
 */
export function planFmaProbe(facts: DeviceFacts, options: FmaProbeOptions, variant: FmaProbeVariant): KernelPlan {
  const { invocations, rounds } = options;
  requireSizes(OP, { invocations, rounds });
  if (rounds > 1e6) throw new ShapeError(`${OP}: at most 1000000 rounds in one dispatch, got ${rounds}.`);
  const lanes = facts.kind === 'software' ? 8 : 256;
  return {
    op: OP,
    variant: `fma-${variant}`,
    sources: [variant === 'fused' ? fused : separate, fmaBody],
    constants: { WG: lanes },
    bindings: [
      { name: 'seeds', access: 'read', byteLength: invocations * 4 },
      { name: 'out', access: 'read_write', byteLength: invocations * 16 },
    ],
    uniform: packUniform([
      { u32: invocations },
      { u32: rounds },
      { f32: FMA_PROBE_FACTOR },
      { f32: FMA_PROBE_SUMMAND },
    ]),
    workgroups: spreadGrid(Math.ceil(invocations / lanes), facts.limits),
    flops: invocations * rounds * OPERATIONS_PER_ROUND,
    bytes: invocations * 20,
  };
}
