import type { KernelCase, OpCases } from '../cases.ts';
import { floatsOf } from '../case-rows.ts';
import { fmaProbeReference } from './probe.reference.ts';
import {
  COPY_PROBE_VARIANTS,
  FMA_PROBE_FACTOR,
  FMA_PROBE_SUMMAND,
  FMA_PROBE_VARIANTS,
  fmaProbeSteps,
  planCopyProbe,
  planFmaProbe,
  type CopyProbeVariant,
  type FmaProbeOptions,
  type FmaProbeVariant,
} from './probe.ts';

function copyCase(units: number, benchOnly = false): KernelCase {
  return {
    name: `copy ${units} x 16 bytes`,
    variants: () => COPY_PROBE_VARIANTS,
    plan: (facts, variant) => planCopyProbe(facts, units, variant as CopyProbeVariant),
    inputs: (random) => ({ x: random.floats(units * 4), y: new Float32Array(units * 4).fill(Number.NaN) }),
    expected: (inputs) => ({ y: { dtype: 'f32', values: Float64Array.from(floatsOf(inputs, 'x')) } }),
    tolerance: { atol: 0, rtol: 0, nmse: 0 },
    benchOnly,
  };
}

function fmaCase(options: FmaProbeOptions, benchOnly = false): KernelCase {
  const { invocations, rounds } = options;
  return {
    name: `fma ${invocations} x ${rounds} rounds`,
    variants: () => FMA_PROBE_VARIANTS,
    plan: (facts, variant) => planFmaProbe(facts, options, variant as FmaProbeVariant),
    inputs: (random) => ({ seeds: random.floats(invocations) }),
    expected: (inputs) => ({
      out: {
        dtype: 'f32',
        values: Float64Array.from(
          [...floatsOf(inputs, 'seeds')].flatMap((seed) =>
            fmaProbeReference(seed, fmaProbeSteps(options), FMA_PROBE_FACTOR, FMA_PROBE_SUMMAND),
          ),
        ),
      },
    }),
    // A step rounds by half a unit of a value of order 1 to 4, and the decay forgets after about 1000 steps.
    tolerance: { atol: 1e-3, rtol: 1e-4, nmse: 1e-8 },
    benchOnly,
  };
}

/** Cases of `probe`: the two roofs of the bench. */
export const cases: OpCases = {
  op: 'probe',
  cases: [
    copyCase(1),
    copyCase(1000),
    copyCase(4099),
    fmaCase({ invocations: 1, rounds: 1 }),
    fmaCase({ invocations: 37, rounds: 5 }),
    fmaCase({ invocations: 300, rounds: 200 }),
    copyCase(2 ** 20, true),
    fmaCase({ invocations: 2 ** 14, rounds: 256 }, true),
  ],
};
