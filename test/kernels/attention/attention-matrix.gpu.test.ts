import { describe, expect, it } from 'vitest';
import {
  attentionVariants,
  matrixAttentionRows,
  packBlocks,
  planAttention,
  type AttentionOptions,
} from '../../../kernels/attention/attention.ts';
import { testEngine } from '../../support/engine.ts';
import { seededRandom } from '../../support/random.ts';
import { runPlan } from '../../support/run-plan.ts';

const engine = await testEngine();
const reason =
  typeof engine === 'string'
    ? engine
    : attentionVariants(engine.facts, { headDim: 16 }).includes('matrix')
      ? undefined
      : 'the device has no f16 matrices with f32 sums';

if (reason !== undefined || typeof engine === 'string')
  describe('attention on a matrix unit', () => it.skip(`packing and merging: ${reason}`, () => {}));
else
  describe('attention on a matrix unit', () => {
    const heads = 2;
    const headDim = 16;
    const width = heads * headDim;
    const rows = 104;
    const random = seededRandom(5);
    const [q, k, v] = [0, 1, 2].map(() => random.floats(rows * width));
    const base: Omit<AttentionOptions, 'queryRows' | 'keyRows'> = { heads, headDim, keyNorm: 9, lse: true };
    const run = async (
      options: AttentionOptions,
      inputs: Readonly<Record<string, ArrayBufferView>>,
    ): Promise<{ out: Float32Array; lse: Float32Array }> => {
      const { out, lse } = await runPlan(engine, planAttention(engine.facts, options, 'matrix'), inputs);
      return { out: new Float32Array(out.buffer), lse: new Float32Array(lse.buffer) };
    };

    it('packed sequences give what each gives alone, bit for bit', async () => {
      const lengths = [40, 1, 63];
      const blocks = packBlocks(lengths, matrixAttentionRows(engine.facts, headDim));
      const all = await run(
        { ...base, queryRows: rows, keyRows: rows, blocks: blocks.length / 4 },
        { q, k, v, blocks },
      );
      let start = 0;
      for (const length of lengths) {
        const part = (values: Float32Array) => values.subarray(start * width, (start + length) * width);
        const alone = await run(
          { ...base, queryRows: length, keyRows: length },
          { q: part(q), k: part(k), v: part(v) },
        );
        expect(alone.out.subarray(0, length * width)).toEqual(part(all.out));
        start += length;
      }
    });

    it('two halves of the keys merge to the whole by their log-sum-exps', async () => {
      const whole = await run({ ...base, queryRows: rows, keyRows: rows }, { q, k, v });
      const half = rows / 2;
      const cut = (values: Float32Array, i: number) => values.subarray(i * half * width, (i + 1) * half * width);
      const parts = await Promise.all(
        [0, 1].map((i) => run({ ...base, queryRows: rows, keyRows: half }, { q, k: cut(k, i), v: cut(v, i) })),
      );
      let worst = 0;
      let worstLse = 0;
      for (let row = 0; row < rows; row++)
        for (let h = 0; h < heads; h++) {
          const [a, b] = parts.map(({ lse }) => Math.exp(lse[h * rows + row]));
          worstLse = Math.max(worstLse, Math.abs(Math.log(a + b) - whole.lse[h * rows + row]));
          for (let c = h * headDim; c < (h + 1) * headDim; c++) {
            const at = row * width + c;
            const merged = (a * parts[0].out[at] + b * parts[1].out[at]) / (a + b);
            worst = Math.max(worst, Math.abs(merged - whole.out[at]));
          }
        }
      expect(worstLse).toBeLessThan(2e-6 * 8);
      // The same weights are rounded to f16 in both: what differs is the order of f32 sums.
      expect(worst).toBeLessThan(2e-6 * 8);
    });

    it('the static bound agrees with the search for the maximum within 2^-9', async () => {
      const fixed = await run({ ...base, queryRows: rows, keyRows: rows }, { q, k, v });
      const { keyNorm: _, ...searching } = base;
      const online = await run({ ...searching, queryRows: rows, keyRows: rows }, { q, k, v });
      let worst = 0;
      fixed.out.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - online.out[i]))));
      expect(worst).toBeGreaterThan(0);
      expect(worst).toBeLessThan(2 ** -9);
    });
  });
