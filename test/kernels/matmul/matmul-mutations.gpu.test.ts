import { describe, expect, it } from 'vitest';
import { cases as matmulCases } from '../../../kernels/matmul/matmul.cases.ts';
import { cases as softmaxCases } from '../../../kernels/softmax/softmax.cases.ts';
import { describeMismatch } from '../../support/close.ts';
import { testEngine } from '../../support/engine.ts';
import { seededRandom, seedOf } from '../../support/random.ts';
import { decodeWords, runPlan } from '../../support/run-plan.ts';

// One planted fault each, in one variant of one case: it must miss the tolerance (or reach a guard word).
const FAULTS = [
  {
    fault: 'K ends early',
    name: '33 x 68 x 40, aligned',
    variant: 'outer16',
    from: 'let whole = p.k & ~3u',
    to: 'let whole = (p.k - 4u) & ~3u',
    also: 'k < p.k; k++',
    andTo: 'k + 4u < p.k; k++',
  },
  {
    fault: 'rest of K dropped',
    name: '3 x 20 x 515, three rows, K with a rest',
    variant: 'gemv',
    from: 'k < p.k; k += 32u',
    to: 'k + 1u < p.k; k += 32u',
  },
  {
    fault: 'rows past the end written',
    name: '7 x 13 x 11, nothing aligned',
    variant: 'outer16',
    from: 'row + i < p.m)',
    to: 'row + i < p.m + 1u)',
  },
  {
    fault: 'the last column lost',
    name: '7 x 13 x 11, nothing aligned',
    variant: 'tiled64',
    from: 'min(p.n - col, 4u)',
    to: 'min(p.n - col, 1u)',
  },
  {
    fault: 'a barrier short: K steps out of order',
    name: '65 x 129 x 68, one past the tiles',
    variant: 'tiled64',
    from: 'next + stage_k',
    to: 'k + stage_k',
  },
  {
    fault: 'padding of K read',
    name: '129 x 132 x 18, a K that is no multiple of 4',
    variant: 'tiled64',
    from: 'if (k + 4u <= p.k)',
    to: 'if (k < p.k)',
  },
  {
    fault: 'padding of K multiplied, i8 by i8',
    name: 'i8 x i8, a rest of K, windows',
    variant: 'dot16',
    from: 'left >= 4u',
    to: 'left >= 1u',
  },
  {
    fault: 'K steps out of order, i8 by i8',
    name: 'i8 x i8, one past the tiles',
    variant: 'dot64',
    from: 'next + stage_k',
    to: 'k + stage_k',
  },
  {
    fault: 'scales of rows swapped, i8 by i8',
    name: 'i8 x i8, three rows',
    variant: 'dot4',
    from: 'row_scales[row]',
    to: 'row_scales[p.m - 1u - row]',
  },
  {
    fault: 'halves of bf16 swapped',
    name: '21 x 28 x 37, bf16 nk',
    variant: 'naive',
    from: '(index & 1u) == 1u',
    to: '(index & 1u) == 0u',
  },
  {
    fault: 'gate row 0 for all',
    name: 'gate by index',
    variant: 'naive',
    from: 'rows[p.row_offset + row - problem * p.split_at]',
    to: '0u',
  },
  { fault: 'gate ignored', name: 'gate of one row', variant: 'naive', from: 'column.gate * value', to: 'value' },
  {
    fault: 'scale of another channel',
    name: 'alpha, bias, residual, i8',
    variant: 'naive',
    from: 'scales[base + col]',
    to: 'scales[0]',
  },
  { fault: 'another cubic factor', name: 'gelu without bias', variant: 'naive', from: '0.044715', to: '0.0455' },
  {
    fault: 'each head its own keys',
    name: 'scores of 4 query heads over 2 key heads',
    variant: 'naive',
    from: '(batch / p.w_group)',
    to: 'batch',
  },
  {
    fault: 'out of the first batch',
    name: 'probabilities times values of 4 heads over 2',
    variant: 'naive',
    from: 'batch * p.out_batch',
    to: '0u',
  },
  {
    fault: 'fragments of B in the wrong place',
    name: '33 x 20 x 64, matrix',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'right_base + step + j * 40u',
    to: 'right_base + step + j * 39u',
  },
  {
    fault: 'the next step into the buffer that is being read',
    name: '33 x 20 x 64, matrix',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'base = 640u - base;',
    to: '',
  },
  {
    fault: 'no step but the first fetched',
    name: '33 x 20 x 160, matrix',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'k + 32u + (u % 4u)',
    to: '0u + (u % 4u)',
  },
  {
    fault: 'rows past the end written',
    name: '127 x 72 x 40, matrix',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'out_row < gemm_rows()',
    to: 'out_row < gemm_rows() + 1u',
  },
  {
    fault: 'a part of each head left out of its norm',
    name: '33 rows, 2 heads of 128, heads',
    variant: 'matrix-64x128x32-t128-b2',
    from: 'part < 8u; part++',
    to: 'part < 7u; part++',
  },
  {
    fault: 'keys with the weights of queries',
    name: 'one row, heads of 64, heads',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'select(0u, HEAD_DIM, head >= p.query_heads)',
    to: '0u',
  },
  {
    fault: 'pairs turned the other way',
    name: 'pairs by halves, heads of 64, heads',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'select(far, -far, is_first)',
    to: 'select(-far, far, is_first)',
  },
  {
    fault: 'the rest of K not cleared',
    name: '9 x 5 x 7, nothing aligned, matrix',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'if (k + i < p.k)',
    to: 'if (k + i < p.k + 1u)',
  },
  {
    fault: 'the factor of x not taken',
    name: 'x scaled, matrix',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'p.x_scale * x_quad',
    to: 'x_quad',
  },
  {
    fault: 'the scale of another group',
    name: 'i4, matrix',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'let group = index / W_GROUP;',
    to: 'let group = index / W_GROUP + 1u;',
  },
  {
    fault: 'the scale of another row',
    name: 'i8 x i8, wide, matrix',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'row_scales[row]',
    to: 'row_scales[0]',
  },
  {
    fault: 'a band taller than it is',
    name: '1100 x 130 x 16, a band that is not full, matrix',
    variant: 'matrix-64x64x32-t128-b2',
    from: 'min(BAND, p.tiles_m - band * BAND)',
    to: 'BAND',
  },
  {
    fault: 'hidden columns counted',
    name: '[9,43] uniform in place y 0+43 mask 3',
    variant: 'lane',
    from: '!= 0u;',
    to: '!= 1u;',
  },
  {
    fault: 'maximum not taken off',
    name: '[4,129] offset x 0+129 y 0+129',
    variant: 'lane',
    from: '- top)',
    to: '- 0.0 * top)',
  },
  {
    fault: 'one column too many',
    name: '[12,9] uniform x 0+9 y 0+9 causal 5 of 4',
    variant: 'lane',
    from: 'p.causal_offset + 1',
    to: 'p.causal_offset + 2',
  },
  {
    fault: 'hidden columns left as they are',
    name: '[11,11] uniform in place y 0+11 causal 0 of 11',
    variant: 'lane',
    from: 'y[y_row + c] = V(0.0);',
    to: 'y[y_row + c] *= 1.0;',
  },
] as const;

const engine = await testEngine();
const cases = [...matmulCases.cases, ...softmaxCases.cases];

describe.skipIf(typeof engine === 'string')('a planted fault in matmul or softmax fails its case', () => {
  if (typeof engine === 'string') return;
  for (const fault of FAULTS)
    it(`${fault.fault} [${fault.variant}]`, async (context) => {
      const testCase = cases.find(({ name }) => name === fault.name);
      if (!testCase) throw new Error(`no case "${fault.name}"`);
      const reason = testCase.skip?.(engine.facts);
      if (reason) context.skip(reason);
      const plan = testCase.plan(engine.facts, fault.variant);
      expect(plan.sources.some((source) => source.includes(fault.from))).toBe(true);
      const sources = plan.sources.map((source) => {
        const mutated = source.replaceAll(fault.from, fault.to);
        return 'also' in fault ? mutated.replaceAll(fault.also, fault.andTo) : mutated;
      });
      const inputs = testCase.inputs(seededRandom(seedOf(fault.name)), engine.facts, fault.variant);
      const run = await runPlan(engine, { ...plan, sources }, inputs).catch((error: unknown) => String(error));
      if (typeof run === 'string') {
        expect(run).toContain('wrote beyond the end');
        return;
      }
      const [[name, { dtype, values }]] = Object.entries(testCase.expected(inputs, fault.variant));
      expect(describeMismatch(decodeWords(run[name], dtype, values.length), values, testCase.tolerance)).toBeDefined();
    });
});
