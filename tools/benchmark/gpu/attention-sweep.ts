import type { DeviceFacts } from '../../../kernels/facts.ts';
import {
  attentionVariants,
  isMatrixAttention,
  planAttention,
  type AttentionOptions,
  type AttentionVariant,
} from '../../../kernels/attention/attention.ts';
import type { KernelPlan } from '../../../kernels/plan.ts';
import type { BenchCase } from '../kernel-run.ts';
import { largeAttention } from './large-cases.ts';

/** What is not the planner's to choose: the reference follows every rise of a row's maximum, as in plain flash attention. */
const EAGER = ' + every rise';
const THRESHOLD = /const RISE: f32 = [\d.]+;/;

/** Rounding to f16 may lengthen a key by half a unit of each element. */
const KEY_MARGIN = 1 + 2 ** -10;

/**
 * Large attention of normalised queries and keys, as a block has them: every tile of the matrix unit (rows x keys, 16 to 128
 * rows) with the static bound and with a lazily rescaled online softmax, the planner's tile also rescaled at every rise, and
 * the variants without matrices. All of them stage K and V in workgroup memory, converted from f32.
 */
export function attentionSweep(s: number, heads: number, d: number): BenchCase {
  const plain = largeAttention(s, heads, d);
  const keyNorm = Math.sqrt(d) * KEY_MARGIN;
  const options: AttentionOptions = { queryRows: s, keyRows: s, heads, headDim: d, keyNorm };
  return {
    ...plain,
    name: `${plain.name}, normed`,
    variants: (facts) => {
      const names = attentionVariants(facts, options).filter((name) => facts.kind === 'software' || name !== 'rowwise');
      // The planner's tile in each form first: should the time run out, the rest are sizes.
      const forms = ['matrix', 'matrix-online'].filter((name) => names.some((known) => known === name));
      const eager = forms.length > 0 ? [`matrix-online${EAGER}`] : [];
      return [...forms, ...eager, ...names.filter((name) => !forms.includes(name))];
    },
    plan: (facts, variant) => planSweep(facts, options, variant),
    inputs: (random, facts, variant) => {
      const inputs = plain.inputs(random, facts, variant);
      for (const name of ['q', 'k']) normalizeHeads(inputs[name] as Float32Array, d);
      return inputs;
    },
  };
}

function planSweep(facts: DeviceFacts, options: AttentionOptions, variant: string): KernelPlan {
  const name = variant.replace(EAGER, '') as AttentionVariant;
  const plan = planAttention(facts, options, name);
  if (name === variant) return plan;
  if (!isMatrixAttention(name) || !plan.sources.some((source) => THRESHOLD.test(source)))
    throw new RangeError(`attention sweep: "${variant}" has no threshold to change.`);
  const sources = plan.sources.map((source) => source.replace(THRESHOLD, 'const RISE: f32 = 0.0;'));
  return { ...plan, sources, variant: `${plan.variant}${EAGER}` };
}

/** Brings every head's root mean square to 1, in place. */
function normalizeHeads(values: Float32Array, d: number): void {
  for (let start = 0; start < values.length; start += d) {
    const head = values.subarray(start, start + d);
    let squares = 0;
    for (const value of head) squares += value * value;
    const factor = Math.sqrt(d / squares);
    head.forEach((value, i) => (head[i] = value * factor));
  }
}
