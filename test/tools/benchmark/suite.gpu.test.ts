import { describe, expect, it } from 'vitest';
import { cases as rmsNorm } from '../../../kernels/rms-norm/rms-norm.cases.ts';
import { hostTime } from '../../../tools/benchmark/host-time.ts';
import { runSuite, type SuiteOptions } from '../../../tools/benchmark/suite.ts';
import { loadUserVariant } from '../../../tools/benchmark/user-variant.ts';
import { testEngine } from '../../support/engine.ts';

const engine = await testEngine();
const quick: SuiteOptions = {
  ops: [rmsNorm],
  caseText: '[5,64]',
  variants: 'chosen',
  clock: { seconds: 0.05, minSamples: 3, maxSamples: 5 },
  hostTime,
};

const roofs = { copyGbs: 10, fmaGflops: 100, matrixGflops: null };

describe.skipIf(typeof engine === 'string')(
  `bench on ${typeof engine === 'string' ? engine : engine.info.description}`,
  () => {
    if (typeof engine === 'string') return;

    it('checks, times and relates a kernel to the roofs', async () => {
      const { kernels, roofs: measured, clock } = await runSuite(engine, { ...quick, variants: 'all' });
      expect(clock).toBe('timestamp');
      expect(measured.copyGbs).toBeGreaterThan(0);
      expect(measured.fmaGflops).toBeGreaterThan(0);
      expect(kernels.length).toBeGreaterThanOrEqual(2);
      expect(kernels.filter(({ chosen }) => chosen)).toHaveLength(1);
      for (const row of kernels) {
        expect(row.fault).toBeNull();
        expect(row.error?.max).toBeLessThan(1e-5);
        expect(row.time?.n).toBeGreaterThanOrEqual(3);
        expect(row.gbs).toBeCloseTo(row.bytes / (row.time?.p50 ?? 0) / 1e6, 9);
        expect(row.hostUs?.p50).toBeGreaterThan(0);
      }
    });

    it("takes a user's variant into the table, and times none that is wrong", async () => {
      const good = await loadUserVariant('examples/bench/rms-norm-row-per-lane.mjs', ['rms_norm']);
      const spoilt = {
        ...good,
        name: 'spoilt',
        planFor: (...args: Parameters<typeof good.planFor>) => {
          const plan = good.planFor(...args);
          return plan && { ...plan, sources: plan.sources.map((text) => text.replace('mean + p.eps', 'mean + 1.0')) };
        },
      };
      const broken = {
        ...good,
        name: 'broken',
        planFor: (...args: Parameters<typeof good.planFor>) => {
          const plan = good.planFor(...args);
          return plan && { ...plan, sources: ['no wgsl'] };
        },
      };
      const { kernels } = await runSuite(engine, { ...quick, roofs, userVariants: [good, spoilt, broken] });
      expect(kernels.map(({ source, variant, fault }) => [source, variant, fault === null])).toEqual([
        ['layerloom', expect.any(String), true],
        ['rms-norm-row-per-lane.mjs', 'row-per-lane', true],
        ['rms-norm-row-per-lane.mjs', 'spoilt', false],
        ['rms-norm-row-per-lane.mjs', 'broken', false],
      ]);
      expect(kernels.map(({ time }) => time !== null)).toEqual([true, true, false, false]);
      expect(kernels[3].fault).toMatch(/WGSL does not compile/);
    });

    it('gives everything back', async () => {
      const before = engine.counters.liveBuffers;
      await runSuite(engine, { ...quick, roofs });
      engine.pool.trim();
      expect(engine.counters.liveBuffers).toBeLessThanOrEqual(before + 1); // a staging buffer at most
    });
  },
);
