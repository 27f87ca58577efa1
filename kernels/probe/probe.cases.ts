import type { KernelCase, OpCases } from '../cases.ts';
import type { DeviceFacts } from '../facts.ts';
import { matrixUnit } from '../matrix-unit.ts';
import { floatsOf } from '../case-rows.ts';
import { fmaProbeReference, matrixProbeReference } from './probe.reference.ts';
import { MATRIX_PROBE_SUMS, planMatrixProbe, type MatrixProbeOptions } from './probe-matrix.ts';
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

/** Small whole numbers, so that every sum is exact. */
function matrixCase(options: MatrixProbeOptions, benchOnly = false): KernelCase {
  const unitOf = (facts: DeviceFacts) => matrixUnit(facts, 'f16');
  // The reference takes its sizes from its inputs: a [m, k], b [k, n] of the device's unit, with the sizes beside them.
  let size = { m: 0, n: 0, k: 0 };
  return {
    name: `matrix ${options.workgroups} x ${options.rounds} rounds`,
    skip: (facts) => (unitOf(facts) ? undefined : 'the device has no f16 matrices with f32 sums'),
    variants: (facts) => (unitOf(facts) ? ['matrix'] : []),
    plan: (facts) => planMatrixProbe(facts, options),
    inputs: (random, facts) => {
      size = unitOf(facts) ?? size;
      const codes = [0, 0x3c00, 0xbc00, 0x4000]; // 0, 1, -1, 2
      const fill = (count: number) => Uint16Array.from({ length: count }, () => codes[random.integer(4)]);
      return { a: fill(size.m * size.k), b: fill(size.k * size.n) };
    },
    expected: (inputs) => {
      const { m, n, k } = size;
      const [a, b] = [inputs['a'], inputs['b']].map((codes) =>
        Array.from(codes as Uint16Array, (code) => (code === 0 ? 0 : code === 0x3c00 ? 1 : code === 0xbc00 ? -1 : 2)),
      );
      return { out: { dtype: 'f32', values: matrixProbeReference(a, b, { m, n, k }, options, MATRIX_PROBE_SUMS) } };
    },
    tolerance: { atol: 0, rtol: 0, nmse: 0 },
    benchOnly,
  };
}

/** Cases of `probe`: the roofs of the bench. */
export const cases: OpCases = {
  op: 'probe',
  cases: [
    copyCase(1),
    copyCase(1000),
    copyCase(4099),
    fmaCase({ invocations: 1, rounds: 1 }),
    fmaCase({ invocations: 37, rounds: 5 }),
    fmaCase({ invocations: 300, rounds: 200 }),
    matrixCase({ workgroups: 1, rounds: 1 }),
    matrixCase({ workgroups: 3, rounds: 50 }),
    copyCase(2 ** 20, true),
    fmaCase({ invocations: 2 ** 14, rounds: 256 }, true),
  ],
};
