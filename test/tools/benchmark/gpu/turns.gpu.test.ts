import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { f16ToF32 } from '../../../../runtime/safetensors/convert.ts';
import { largeMatmul } from '../../../../tools/benchmark/gpu/large-cases.ts';
import { sharedRow } from '../../../../tools/benchmark/gpu/product-rows.ts';
import type { StepContext } from '../../../../tools/benchmark/gpu/step.ts';
import { takeTurns, type RivalPeer } from '../../../../tools/benchmark/gpu/turns.ts';
import { PeerSession } from '../../../../tools/benchmark/peers.ts';
import { testEngine } from '../../../support/engine.ts';

const engine = await testEngine();
const folder = fileURLToPath(new URL('..', import.meta.url));
const [M, N, K] = [5, 24, 32];

/** fake-peer.mjs in one of its manners. */
function fake(manner: string): RivalPeer {
  const command = [process.execPath, 'fake-peer.mjs', manner];
  return { name: manner, start: (scratch) => PeerSession.start({ name: manner, command }, folder, scratch) };
}

/** A product in the form that fake-peer.mjs wants: f32, w [k, n]. */
function rowOf(name: string, manners: readonly string[]): ReturnType<typeof sharedRow> {
  const task = { kind: 'matmul', m: M, n: N, k: K };
  return sharedRow(
    name,
    2 * M * N * K,
    { name: 'layerloom', op: 'matmul', testCase: largeMatmul(M, N, K) },
    manners.map((manner) => ({ name: `peer ${manner}`, peer: manner, task })),
    ({ inputs, expected }) => {
      const w = f16ToF32(inputs.w as Uint16Array);
      const turned = Float32Array.from({ length: K * N }, (_, i) => w[(i % N) * K + Math.floor(i / N)]);
      return {
        tensors: {
          x: { dtype: 'f32', shape: [M, K], data: f16ToF32(inputs.x as Uint16Array) },
          w: { dtype: 'f32', shape: [K, N], data: turned },
        },
        reference: expected.out,
        bound: 1e-5,
      };
    },
  );
}

describe.skipIf(typeof engine === 'string')('turns of gpu-run', () => {
  if (typeof engine === 'string') return;

  it('check peers, time those that run, and start one that ended anew for the next row', async () => {
    const kept: unknown[] = [];
    const context = {
      engine,
      isSmall: true,
      isNull: false,
      isLate: () => false,
      keep: (data: unknown) => kept.push(data),
    } as unknown as StepContext;
    const manners = ['right', 'wrong', 'dies', 'mute'];
    const result = await takeTurns(context, manners.map(fake), [rowOf('first', manners), rowOf('second', ['dies'])]);
    const data = result.data as {
      peers: Record<string, string>;
      rows: { contestants: { name: string; time: { n: number } | null; fault: string | null }[] }[];
    };
    expect(result.fault).toBeNull();
    expect(data.peers).toMatchObject({ right: 'fake right', mute: expect.stringContaining('absent: ended with 7') });
    const [first, second] = data.rows.map(({ contestants }) => contestants);
    expect(first.map(({ name, time, fault }) => [name, time?.n ?? 0, fault])).toEqual([
      ['layerloom', 10, null],
      ['peer right', 10, null],
      ['peer wrong', 10, expect.stringMatching(/^WRONG: error .* exceeds 1e-5$/)],
      ['peer dies', 0, expect.stringContaining('ended with 3')],
      ['peer mute', 0, null],
    ]);
    expect(first[4]).toMatchObject({ skipped: 'absent' });
    // It answered the second row before it ended again.
    expect(second[1]).toMatchObject({ error: null, fault: expect.stringContaining('ended with 3') });
    expect(kept).toHaveLength(2);
    expect(result.lines.join('\n')).toMatch(/peer wrong .* WRONG/);
  });
});
