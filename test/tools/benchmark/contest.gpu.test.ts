import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { runContest } from '../../../tools/benchmark/contest.ts';
import { Peers } from '../../../tools/benchmark/peers.ts';
import { blockWorkload } from '../../../tools/benchmark/workloads/block.ts';
import {
  attentionWorkload,
  convWorkload,
  layerNormWorkload,
  matmulWorkload,
  rmsRopeWorkload,
} from '../../../tools/benchmark/workloads/plain-workloads.ts';
import { testEngine } from '../../support/engine.ts';

const engine = await testEngine();
const folder = mkdtempSync(join(tmpdir(), 'layerloom-peers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const script = fileURLToPath(new URL('./fake-peer.mjs', import.meta.url));
const brief = { rounds: 2, samplesPerTurn: 1, sampleMs: 1, budgetMs: 1e6 };

function peersOf(manners: Readonly<Record<string, string>>): Promise<Peers> {
  const peers = Object.entries(manners).map(([name, manner]) => ({ name, command: ['node', script, manner] }));
  writeFileSync(join(folder, 'peers.json'), JSON.stringify({ peers }));
  return Peers.open(folder);
}

describe.skipIf(typeof engine === 'string')(
  `contest on ${typeof engine === 'string' ? engine : engine.info.description}`,
  () => {
    if (typeof engine === 'string') return;

    it('computes every kind of workload right', async () => {
      await using peers = await Peers.open(undefined);
      const workloads = [
        matmulWorkload('C1', 17, 24, 12),
        matmulWorkload('C1', 16, 24, 12, 'f16'),
        attentionWorkload('C2', 21, 2, 8),
        attentionWorkload('C2', 21, 2, 8, 'f16'),
        convWorkload('C3', 6, 7, 8, 12),
        layerNormWorkload('C4', 9, 20),
        rmsRopeWorkload('C4', 9, 2, 8),
        blockWorkload('C5', { heads: 2, d: 16, txt: 3, img: 6 }),
      ];
      for (const { name, contestants } of await runContest(engine, workloads, peers, brief)) {
        expect(contestants.map((contestant) => [name, contestant.name, contestant.fault])).toEqual([
          [name, 'layerloom', null],
        ]);
        expect(contestants[0].time?.n).toBe(2);
        expect(contestants[0].error?.max).toBeLessThan(1e-5);
      }
    });

    it('shows wrong peers as wrong, and names those that are absent, end early or cannot', async () => {
      await using peers = await peersOf({ 'ort-webgpu': 'right', 'jax-js': 'wrong', tfjs: 'dies', tinygrad: 'mute' });
      expect(peers.sessions.map(({ version }) => version)).toEqual(['fake right', 'fake wrong', 'fake dies']);
      const workloads = [matmulWorkload('C1', 5, 8, 4), layerNormWorkload('C4', 2, 4)];
      const [product, norm] = await runContest(engine, workloads, peers, brief);
      const of = (name: string) => product.contestants.find((contestant) => contestant.name === name);
      expect(of('ort-webgpu')).toMatchObject({ fault: null, skipped: null, time: { p50: 2, n: 2 }, coldMs: 5 });
      expect(of('jax-js')?.fault).toMatch(/^error .* exceeds 1e-5$/);
      expect(of('tfjs')).toMatchObject({ time: null, fault: expect.stringContaining('ended with 3') as string });
      expect(of('tinygrad')?.skipped).toContain('ended with 7');
      expect(of('torch-cuda')?.skipped).toBe('not installed');
      expect(norm.contestants.find(({ name }) => name === 'jax-js')?.skipped).toBe(
        'no function for layer_norm_modulate',
      );
    });

    it('stops sampling who has used up the time, but not before three samples', async () => {
      await using peers = await peersOf({ 'ort-webgpu': 'right' });
      const workloads = [matmulWorkload('C1', 5, 8, 4)];
      const samplesOf = async (budgetMs: number): Promise<number | undefined> => {
        const [row] = await runContest(engine, workloads, peers, {
          rounds: 6,
          samplesPerTurn: 1,
          sampleMs: 1,
          budgetMs,
        });
        return row.contestants.find(({ name }) => name === 'ort-webgpu')?.time?.n;
      };
      // The fake says 8 ms for each sample.
      expect([await samplesOf(1), await samplesOf(31), await samplesOf(1000)]).toEqual([3, 4, 6]);
    });

    it('refuses a folder without peers', async () => {
      await expect(Peers.open(join(folder, 'nothing'))).rejects.toThrow(
        /holds no peers\. Set them up: bench\/peers\/setup\.sh/,
      );
    });
  },
);
