import { describe, expect, it } from 'vitest';
import { attentionWeights } from '../../../runtime/ops/attention-weights.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { describeMismatch } from '../../support/close.ts';
import { testEngine } from '../../support/engine.ts';
import { seededRandom } from '../../support/random.ts';

const engine = await testEngine();

describe.skipIf(typeof engine === 'string')('attentionWeights', () => {
  if (typeof engine === 'string') return;
  const heads = 3;

  it.each([
    { queryRows: 5, keyRows: 7, headDim: 8, chosen: [2, 0] },
    { queryRows: 8, keyRows: 12, headDim: 16, chosen: [1] },
    { queryRows: 1, keyRows: 1, headDim: 4, chosen: [0, 1, 2] },
  ])('is the softmax of the scaled products: %o', async ({ queryRows, keyRows, headDim, chosen }) => {
    const width = heads * headDim;
    const builder = new ProgramBuilder(engine.facts, 'weights');
    // q and k as columns of one buffer, as in a block.
    const rows = Math.max(queryRows, keyRows);
    const both = builder.state('both', 'f32', [rows, 2 * width]);
    const out = builder.state('out', 'f32', [chosen.length, queryRows, keyRows]);
    builder.segment('weights', () =>
      attentionWeights(builder, {
        q: builder.rows(builder.columns(both, 0, width), 0, queryRows),
        k: builder.rows(builder.columns(both, width, width), 0, keyRows),
        heads,
        chosen,
        out,
      }),
    );
    const program = await compileProgram(engine, builder.finish());
    const data = seededRandom(5).floats(rows * 2 * width);
    program.write('both', data);
    program.run();
    const expected = chosen.flatMap((head) =>
      Array.from({ length: queryRows }, (_, query) => {
        const scores = Array.from({ length: keyRows }, (__, key) => {
          let sum = 0;
          for (let i = 0; i < headDim; i++)
            sum += data[query * 2 * width + head * headDim + i] * data[key * 2 * width + width + head * headDim + i];
          return Math.exp(sum / Math.sqrt(headDim));
        });
        const total = scores.reduce((sum, score) => sum + score, 0);
        return scores.map((score) => score / total);
      }).flat(),
    );
    const actual = (await program.read('out')) as Float32Array;
    expect(
      describeMismatch(actual, Float64Array.from(expected), { atol: 1e-6, rtol: 1e-5, nmse: 1e-11 }),
    ).toBeUndefined();
    program.dispose();
  });

  it('refuses a head that there is not', () => {
    const builder = new ProgramBuilder(engine.facts, 'weights');
    const q = builder.state('q', 'f32', [2, 12]);
    const out = builder.state('out', 'f32', [1, 2, 2]);
    expect(() =>
      builder.segment('weights', () => attentionWeights(builder, { q, k: q, heads, chosen: [3], out })),
    ).toThrow('attention_weights: heads are numbered 0 to 2, got 3.');
  });
});
