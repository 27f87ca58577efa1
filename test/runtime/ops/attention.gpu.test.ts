import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS, type DeviceFacts } from '../../../kernels/facts.ts';
import { attentionRow } from '../../../kernels/attention/attention.reference.ts';
import type { Engine } from '../../../runtime/engine.ts';
import { attention, type AttentionForm } from '../../../runtime/ops/attention.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { describeMismatch } from '../../support/close.ts';
import { seededRandom } from '../../support/random.ts';
import { testEngine } from '../../support/engine.ts';

const engine = await testEngine();

interface Problem {
  readonly rows: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headDim: number;
  readonly causal?: { readonly offset: number };
  /** Query rows [start, start + count) of the sequence; all where absent. */
  readonly queries?: readonly [start: number, count: number];
  /** Bytes of scores at a time: small ones force several passes. */
  readonly scoreBytes?: number;
}

/** q, k and v side by side in the rows of one fused projection, as the models have them. */
async function compare(device: Engine, problem: Problem, form: AttentionForm): Promise<string | undefined> {
  const { rows, heads, keyHeads, headDim, causal } = problem;
  const [start, count] = problem.queries ?? [0, rows];
  const widths = [heads, keyHeads, keyHeads].map((number) => number * headDim);
  const [qAt, kAt, vAt] = [0, widths[0], widths[0] + widths[1]];
  const total = vAt + widths[2];
  const fused = seededRandom(rows * 31 + headDim).floats(rows * total);
  const builder = new ProgramBuilder(device.facts, 'attention');
  const qkv = builder.state('qkv', 'f32', [rows, total]);
  const out = builder.state('out', 'f32', [rows, widths[0]]);
  builder.segment('all', () =>
    attention(builder, {
      q: builder.columns(builder.rows(qkv, start, count), qAt, widths[0]),
      k: builder.columns(qkv, kAt, widths[1]),
      v: builder.columns(qkv, vAt, widths[2]),
      heads,
      keyHeads,
      out: builder.rows(out, start, count),
      form,
      ...(causal ? { causal } : {}),
      ...(problem.scoreBytes ? { scoreBytes: problem.scoreBytes } : {}),
    }),
  );
  const program = await compileProgram(device, builder.finish());
  program.write('qkv', fused);
  program.run();
  const actual = Float64Array.from((await program.read('out')) as Float32Array);
  program.dispose();
  const expected = new Float64Array(rows * widths[0]);
  for (let i = 0; i < count; i++)
    for (let h = 0; h < heads; h++) {
      const group = Math.floor((h * keyHeads) / heads) * headDim;
      const slice = (row: number, at: number) => fused.subarray(row * total + at, row * total + at + headDim);
      const keys = Array.from({ length: rows }, (_, j) => ({ k: slice(j, kAt + group), v: slice(j, vAt + group) }));
      const isVisible = (j: number) => causal === undefined || j <= i + causal.offset;
      const row = attentionRow(slice(start + i, qAt + h * headDim), keys, 1 / Math.sqrt(headDim), isVisible);
      expected.set(row, (start + i) * widths[0] + h * headDim);
    }
  return describeMismatch(actual, expected, { atol: 3e-6, rtol: 1e-5, nmse: 1e-11 });
}

describe.skipIf(typeof engine === 'string')('attention', () => {
  if (typeof engine === 'string') return;
  const problems: Readonly<Record<string, Problem>> = {
    full: { rows: 77, heads: 3, keyHeads: 3, headDim: 16 },
    'one row': { rows: 1, heads: 2, keyHeads: 2, headDim: 8 },
    'odd head size': { rows: 33, heads: 2, keyHeads: 2, headDim: 10 },
    'grouped-query, causal': { rows: 45, heads: 6, keyHeads: 2, headDim: 12, causal: { offset: 0 } },
    'a range of queries': { rows: 45, heads: 2, keyHeads: 1, headDim: 20, queries: [13, 21], causal: { offset: 13 } },
    'scores in slices of rows': { rows: 50, heads: 2, keyHeads: 2, headDim: 8, scoreBytes: 8 * 52 * 4 },
    'scores in slices of heads': { rows: 12, heads: 6, keyHeads: 3, headDim: 8, scoreBytes: 2 * 12 * 12 * 4 },
  };
  for (const [name, problem] of Object.entries(problems))
    for (const form of ['fused', 'three-pass'] as const)
      it(`${name}, ${form}`, async () => expect(await compare(engine, problem, form)).toBeUndefined());
});

describe('attention chooses', () => {
  const software = { ...FLOOR_FACTS, kind: 'software' as const };
  const record = (facts: DeviceFacts, rows: number, more: { causal?: { offset: number }; masked?: boolean } = {}) => {
    const builder = new ProgramBuilder(facts, 'choice');
    const [q, k, v] = ['q', 'k', 'v'].map((name) => builder.state(name, 'f32', [rows, 64]));
    const { masked, ...options } = more;
    const mask = masked ? { mask: builder.state('mask', 'u32', [rows]) } : {};
    builder.segment('all', () => attention(builder, { q, k, v, heads: 2, ...mask, ...options }));
    return builder.finish().dispatches.map((dispatch) => dispatch.plan.op);
  };
  const passes = ['matmul', 'softmax', 'matmul'];

  it('one kernel on a GPU and for little work, three passes for more of it on a software driver', () => {
    expect(record(FLOOR_FACTS, 300)).toEqual(['attention']);
    expect(record(software, 30)).toEqual(['attention']);
    expect(record(software, 300)).toEqual(passes);
    expect(record(software, 70, { causal: { offset: 0 } })).toEqual(['attention']);
    expect(record(software, 300, { causal: { offset: 0 } })).toEqual(passes);
    expect(record(software, 300, { masked: true })).toEqual(['attention']);
  });

  it('refuses a mask in three passes', () => {
    const builder = new ProgramBuilder(software, 'mask');
    const x = builder.state('x', 'f32', [4, 8]);
    const mask = builder.state('mask', 'u32', [4]);
    const call = () => attention(builder, { q: x, k: x, v: x, heads: 1, mask, form: 'three-pass' });
    expect(call).toThrow('attention: form "three-pass" takes no mask. Use "fused".');
  });
});
