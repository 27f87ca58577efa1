import type { Engine } from '../../../runtime/engine.ts';
import { makeCaseData, type BenchCase, type CaseData } from '../kernel-run.ts';
import { largeMatmul } from './large-cases.ts';
import { turnOf, type ProductShape } from './torch-steps.ts';
import type { Rival, RowData, TurnsRow } from './turns.ts';

/** Largest error of a product of f16 operands that sums in f32: half a unit of an f16 result is 5e-4. */
const BOUND = 1e-3;

/** What peers get of a case that runs in the planner's own variant. */
export type DataForPeers = (own: CaseData) => Omit<RowData, 'own'>;

/** A row whose case we and the peers compute from the same data. */
export function sharedRow(
  name: string,
  flops: number,
  ours: { readonly name: string; readonly op: string; readonly testCase: BenchCase },
  rivals: readonly Rival[],
  forPeers: DataForPeers,
): TurnsRow {
  const { op, testCase } = ours;
  return {
    name,
    flops,
    data: (engine: Engine) => {
      const own = makeCaseData(engine, op, testCase, testCase.variants(engine.facts)[0]);
      return { own, ...forPeers(own) };
    },
    ours: [{ name: ours.name, make: (engine, data) => turnOf(engine, op, testCase, data?.own) }],
    rivals,
  };
}

/** G1: a product of f16 operands x [m, k] and w [n, k]. */
export function productRow([m, n, k]: ProductShape, rivals: readonly Rival[]): TurnsRow {
  const ours = { name: 'layerloom f16', op: 'matmul', testCase: largeMatmul(m, n, k) };
  return sharedRow(`G1 ${m} x ${n} x ${k}`, 2 * m * n * k, ours, rivals, ({ inputs, expected }) => ({
    tensors: {
      x: { dtype: 'f16', shape: [m, k], data: inputs.x },
      w: { dtype: 'f16', shape: [n, k], data: inputs.w },
    },
    reference: expected.out,
    bound: BOUND,
  }));
}
