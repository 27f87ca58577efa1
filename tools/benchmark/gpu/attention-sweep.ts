import { f32ToF16 } from '../../../runtime/safetensors/convert.ts';
import type { DeviceFacts } from '../../../kernels/facts.ts';
import {
  attentionVariants,
  isMatrixAttention,
  paddedKeyRows,
  planAttention,
  type AttentionOptions,
  type AttentionVariant,
} from '../../../kernels/attention/attention.ts';
import type { KernelPlan } from '../../../kernels/plan.ts';
import type { BenchCase } from '../kernel-run.ts';
import { valuesOf } from '../workloads/half.ts';
import { largeAttention } from './large-cases.ts';

/** What is not the planner's to choose: the reference follows every rise of a row's maximum, as in plain flash attention. */
const EAGER = ' + every rise';
const THRESHOLD = /const RISE: f32 = [\d.]+;/;

/** Rounding to f16 may lengthen a key by half a unit of each element. */
const KEY_MARGIN = 1 + 2 ** -10;

/**
 * Large attention of normalised queries and keys, as a block has them: every tile of the matrix unit (rows x keys, 16 to 128
 * rows) with the static bound and with a lazily rescaled online softmax, the planner's tile also rescaled at every rise, and
 * the variants without matrices. A case with K and V of f32, staged in workgroup memory, and where there are matrices one
 * with K and V of f16, read as they lie.
 */
export function attentionSweep(facts: DeviceFacts, s: number, heads: number, d: number): readonly BenchCase[] {
  const options = { queryRows: s, keyRows: s, heads, headDim: d, keyNorm: Math.sqrt(d) * KEY_MARGIN };
  const staged = sweepCase(options);
  const direct = directCase({ ...options, keyValues: 'f16' }, staged);
  return direct.variants(facts).length > 0 ? [staged, direct] : [staged];
}

function sweepCase(options: AttentionOptions): BenchCase {
  const { queryRows, heads, headDim } = options;
  const plain = largeAttention(queryRows, heads, headDim);
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
    // No look at the variant: inputs and reference are made once for all of them.
    inputs: (random, facts) => {
      const inputs = plain.inputs(random, facts, '');
      for (const name of ['q', 'k']) normalizeHeads(inputs[name] as Float32Array, headDim);
      return inputs;
    },
  };
}

/** The same with k and v as codes of f16, rows of zeros behind them. */
function directCase(options: AttentionOptions, staged: BenchCase): BenchCase {
  const { keyRows, heads, headDim } = options;
  const width = heads * headDim;
  const padded = (values: ArrayBufferView): Uint16Array => {
    const codes = new Uint16Array(paddedKeyRows(keyRows) * width);
    codes.set(f32ToF16(values as Float32Array));
    return codes;
  };
  const read = (codes: ArrayBufferView): Float32Array => {
    const data = (codes as Uint16Array).subarray(0, keyRows * width);
    return Float32Array.from(valuesOf({ dtype: 'f16', shape: [keyRows, width], data }));
  };
  return {
    ...staged,
    name: `${staged.name}, K and V read as they lie`,
    variants: (facts) => {
      const names: readonly string[] = attentionVariants(facts, options);
      return names.includes('matrix') ? [...new Set(['matrix', 'matrix-online', ...names])] : [];
    },
    plan: (facts, variant) => planSweep(facts, options, variant),
    inputs: (random, facts) => {
      const { q, k, v } = staged.inputs(random, facts, '');
      return { q, k: padded(k), v: padded(v) };
    },
    sample: ({ q, k, v }) => staged.sample?.({ q, k: read(k), v: read(v) }, '') ?? {},
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
