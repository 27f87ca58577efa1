import { describe, expect, it } from 'vitest';
import type { DeviceFacts } from '../../../../kernels/facts.ts';
import type { KernelPlan } from '../../../../kernels/plan.ts';
import { matrixUnit } from '../../../../kernels/matrix-unit.ts';
import { KernelRun, makeCaseData, type BenchCase } from '../../../../tools/benchmark/kernel-run.ts';
import { directCases } from '../../../../tools/benchmark/gpu/direct-sweep.ts';
import { sweepCase } from '../../../../tools/benchmark/gpu/gemm-sweep.ts';
import { testEngine } from '../../../support/engine.ts';

const engine = await testEngine();
const unit = typeof engine === 'string' ? undefined : matrixUnit(engine.facts, 'f16');
const device = typeof engine === 'string' ? engine : engine.info.description;

describe.skipIf(!unit)(`products of the matrix unit as a sweep changes them, ${device} (needs f16 matrices)`, () => {
  if (typeof engine === 'string' || !unit) return;
  const { facts } = engine;
  /** The text as it is for a GPU: every fragment has a name. */
  const unrolled: DeviceFacts = { ...facts, kind: 'gpu' };

  /** What is wrong with a plan of a case against f64. */
  async function faultOf(testCase: BenchCase, variant: string, plan: KernelPlan): Promise<string | null> {
    if (typeof engine === 'string') return engine;
    const run = await KernelRun.compile(engine, plan);
    try {
      return (await run.check(engine, makeCaseData(engine, 'matmul', testCase, variant), testCase.tolerance)).fault;
    } finally {
      run.dispose();
    }
  }

  // Edges on every side, K of an odd number of steps with a rest.
  const staged = sweepCase(50, 100, 72);
  const restaged = staged.variants(facts).filter((name) => / staging$| padding$/.test(name));
  // Several tiles each way, three steps of K.
  const direct = directCases(facts, 2 * 64, 3 * 32, 3 * 32);
  const all = [
    ...restaged.map((variant) => ({ variant, form: 'for this device', own: facts, testCase: staged })),
    ...direct.flatMap((testCase) =>
      testCase.variants(facts).map((variant) => ({ variant, form: 'for this device', own: facts, testCase })),
    ),
    // Takes ten times as long to compile: one.
    { variant: 'matrix-32x32x32-t64-b1 + packed of vec4<u32>', form: 'unrolled', own: unrolled, testCase: direct[1] },
  ];
  it.each(all)(
    'agrees with f64: $variant, $form',
    async ({ variant, own, testCase }) => {
      const plan = testCase.plan(own, variant);
      expect(plan.variant).toContain(variant.split(' + ')[1]);
      expect(await faultOf(testCase, variant, plan)).toBeNull();
    },
    60_000,
  );

  it.each([
    ['the next band of fragments', /x_at \+ \w+ \* x_band/g, 'x_at + 0u * x_band'],
    ['the next step of K', /w_base \+ k/, 'w_base + 0u * k'],
    ['the tile', /tile\.w \/ 8u \+ \(col \+ part_col\)/, 'tile.w / 8u + part_col'],
  ])(
    'the check sees when %s is missed',
    async (_, from, to) => {
      const [rows] = direct;
      const [variant] = rows.variants(facts);
      const plan = rows.plan(facts, variant);
      const sources = plan.sources.map((text) => text.replace(from, to));
      expect(sources).not.toEqual(plan.sources);
      expect(await faultOf(rows, variant, { ...plan, sources })).toContain('out of tolerance');
    },
    60_000,
  );
});
