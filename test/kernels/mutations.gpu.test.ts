import { describe, expect, it } from 'vitest';
import type { KernelPlan } from '../../kernels/plan.ts';
import { allOpCases } from '../support/ops.ts';
import { describeMismatch } from '../support/close.ts';
import { seededRandom, seedOf } from '../support/random.ts';
import { decodeWords, runPlan } from '../support/run-plan.ts';
import { testEngine } from '../support/engine.ts';

// The cases must be able to fail: a kernel with one planted fault has to miss the tolerance of at least one case.
// `only` names the cases to try, where compiling takes long.
const FAULTS: readonly { op: string; fault: string; from: string; to: string; only?: string }[] = [
  { op: 'rms_norm', fault: 'eps outside of the root', from: '/ p.count + p.eps)', to: '/ p.count) + p.eps' },
  { op: 'rms_norm', fault: 'root of two terms', from: '0.5 + e * (0.375', to: '0.5 + 0.0 * (0.375' },
  { op: 'rms_norm', fault: 'last row dropped', from: 'row < p.rows)', to: 'row + 1u < p.rows)' },
  { op: 'layer_norm_modulate', fault: 'scale without its 1', from: 'c] + 1.0)', to: 'c])' },
  { op: 'layer_norm_modulate', fault: 'one pass variance', from: 'x[x_row + c] - mean;', to: 'x[x_row + c];' },
  { op: 'layer_norm_modulate', fault: 'modulation row 0 for all', from: 'index[p.index_offset + row]', to: 'index[0]' },
  { op: 'pixel_norm', fault: 'mean instead of norm', from: 'p.root / max', to: '1.0 / max' },
  { op: 'qk_norm_rope', fault: 'turned the other way', from: 'a * r.x - b * r.y', to: 'a * r.x + b * r.y' },
  { op: 'qk_norm_rope', fault: 'pairs swapped', from: 'select(1u, p.pairs, HALF)', to: 'select(1u, p.pairs, !HALF)' },
  { op: 'guidance', fault: 'norm of the wrong prediction', from: 'squares.x / squares.y', to: 'squares.y / squares.x' },
  {
    op: 'attention',
    fault: 'last key dropped',
    from: 'select(p.k_rows, min',
    to: 'select(p.k_rows - 1u, min',
    only: '5x70',
  },
  {
    op: 'attention',
    fault: 'causal by one too many',
    from: 'p.causal_offset + 1u',
    to: 'p.causal_offset + 2u',
    only: 'causal',
  },
  { op: 'attention', fault: 'sum not faded', from: 'weight = weight * fade', to: 'weight = weight' },
  { op: 'attention', fault: 'sum not faded (flash)', from: 'weight[r] *= fade', to: 'weight[r] *= 1.0', only: '63x63' },
  {
    op: 'attention',
    fault: 'groups of heads off',
    from: '(head / p.group) * p.head_step',
    to: 'head * 0u',
    only: 'of 2',
  },
  {
    op: 'attention',
    fault: 'outputs not faded (matrix)',
    from: 'row_factor[mine.number] = factor;',
    to: 'row_factor[mine.number] = 1.0;',
    only: '130x130 1x16 large matrix',
  },
  { op: 'activation', fault: 'another cubic factor', from: '0.044715', to: '0.0455' },
  { op: 'activation', fault: 'silu of twice the gate', from: 'exp(-v)', to: 'exp(-v * 2.0)' },
  { op: 'scale_add', fault: 'factors swapped', from: 'vec2f(p.alpha, p.beta)', to: 'vec2f(p.beta, p.alpha)' },
  { op: 'add_rows', fault: 'first row for all', from: 'chosen * p.table_stride', to: '0u' },
  { op: 'cast', fault: 'ties away from zero', from: '(kept & 1u) == 1u', to: 'true' },
  { op: 'cast', fault: 'truncation of bf16', from: 'bits + 0x7fffu + ((bits >> 16u) & 1u)', to: 'bits' },
  { op: 'embedding_gather', fault: 'halves swapped', from: '(element % 2u)', to: '((element + 1u) % 2u)' },
  { op: 'copy_rows', fault: 'stride of x for y', from: 'row * p.y_stride', to: 'row * p.x_stride' },
  { op: 'sampler_step', fault: 'sign lost', from: 'p.sign * (sigma_next - sigma)', to: '(sigma_next - sigma)' },
  { op: 'sampler_step', fault: 'noise after the last step', from: 'sigma_next == 0.0', to: 'sigma_next < 0.0' },
  { op: 'reduce', fault: 'last element dropped', from: 'i < p.rows * p.cols', to: 'i + 1u < p.rows * p.cols' },
  { op: 'scan', fault: 'infinity counted as finite', from: '< 0x7f800000u', to: '<= 0x7f800000u' },
  {
    op: 'conv2d',
    fault: 'last input channel dropped',
    from: 'c < p.in_c; c++',
    to: 'c + 1u < p.in_c; c++',
    only: '7,3]',
  },
  { op: 'conv2d', fault: 'not padded', from: '- i32(p.pad)', to: '- i32(0)', only: '[5,7,3]' },
  {
    op: 'conv2d',
    fault: 'border repeated',
    from: 'return i >= 0 && i < i32(size << p.up_shift);',
    to: 'return true;',
    only: '[5,7,3]',
  },
  { op: 'conv2d', fault: 'one row off in a band', from: 'p.out_row0 +', to: 'p.out_row0 + 1u +', only: 'rows' },
  { op: 'conv2d', fault: 'SiLU where none is wanted', from: 'if (SILU)', to: 'if (!SILU)', only: 'silu' },
  {
    op: 'conv2d',
    fault: 'nothing doubled',
    from: 'i32(size << p.up_shift) - 1)) >> p.up_shift',
    to: 'i32(size) - 1))',
    only: 'up2',
  },
  { op: 'quantize_rows', fault: 'reversal lost', from: 'v.wzyx', to: 'v', only: '[19,36]' },
  {
    op: 'quantize_rows',
    fault: 'codes cut off',
    from: 'round(v * per_unit)',
    to: 'trunc(v * per_unit)',
    only: '[7,13]',
  },
  { op: 'quantize_rows', fault: 'outermost factor lost', from: 'QUADS == 64u', to: 'QUADS == 63u', only: '[3,512]' },
  { op: 'quantize_rows', fault: 'factor of 2 lost', from: 'stride < BLOCK', to: 'stride > BLOCK', only: '[3,40]' },
  { op: 'quantize_rows', fault: 'one row too many', from: 'row >= p.rows', to: 'row > p.rows', only: '[7,13]' },
  { op: 'quantize_rows', fault: 'first quarter alone measured', from: 'largest_of(d)', to: '0.0', only: '[3,12288]' },
  { op: 'patchify', fault: 'columns before rows in a patch', from: '(c / 2u) % 2u', to: 'c % 2u' },
];

const engine = await testEngine();
const ops = new Map((await allOpCases()).map((op) => [op.op, op.cases]));

describe.skipIf(typeof engine === 'string')('a planted fault fails a case', () => {
  if (typeof engine === 'string') return;
  for (const { op, fault, from, to, only = '' } of FAULTS)
    it(`${op}: ${fault}`, async () => {
      let planted = 0;
      for (const testCase of ops.get(op) ?? []) {
        if (testCase.benchOnly || testCase.skip?.(engine.facts) || !testCase.name.includes(only)) continue;
        for (const variant of testCase.variants(engine.facts)) {
          const plan = testCase.plan(engine.facts, variant);
          if (!plan.sources.some((source) => source.includes(from))) continue;
          planted++;
          const mutant: KernelPlan = { ...plan, sources: plan.sources.map((source) => source.replaceAll(from, to)) };
          const inputs = testCase.inputs(seededRandom(seedOf(`${op}/${testCase.name}`)), engine.facts, variant);
          const outputs = await runPlan(engine, mutant, inputs).catch((error: unknown) => String(error));
          if (typeof outputs === 'string') {
            expect(outputs).toContain('wrote beyond the end');
            return;
          }
          for (const [name, { dtype, values, tolerance = testCase.tolerance }] of Object.entries(
            testCase.expected(inputs, variant),
          ))
            if (describeMismatch(decodeWords(outputs[name], dtype, values.length), values, tolerance)) return;
        }
      }
      expect.fail(planted === 0 ? `no source contains "${from}"` : `${planted} runs of the mutant passed every case`);
    });
});
