import type { DeviceFacts } from '../../../kernels/facts.ts';
import { firstRow } from '../../../kernels/matmul/matmul-matrix.ts';
import { emitGemm } from '../../../kernels/matrix-gemm.ts';
import { layTile, MATRIX_TILES, tileName, type MatrixTile, type StagingOptions } from '../../../kernels/matrix-tile.ts';
import { matrixUnit, type MatrixUnit } from '../../../kernels/matrix-unit.ts';
import type { KernelPlan } from '../../../kernels/plan.ts';
import type { BenchCase } from '../kernel-run.ts';
import { largeMatmul } from './large-cases.ts';

/** A change to a plan of the matrix unit that planners do not offer: what a GPU makes of it is to be found out. */
export interface GemmChange {
  readonly name: string;
  /** The plan with the change, or undefined where it does not apply. */
  readonly apply: (facts: DeviceFacts, plan: KernelPlan, tile: string) => KernelPlan | undefined;
}

/** Order in which tiles are computed: one row of tiles after the other (1), or bands of 8 or 64 rows; planners take 16. */
const BANDS = [1, 8, 64] as const;

/** Changes one at a time: what the staging array's elements are, staged rows without padding, the band. */
export const GEMM_CHANGES: readonly GemmChange[] = [
  restaged('f16 staging', { pointee: 'f16' }),
  restaged('vec2 staging', { pointee: 'vec2<u32>' }),
  restaged('no padding', { padding: 0 }),
  ...BANDS.map((band): GemmChange => ({
    name: `band ${band}`,
    apply: (_, plan) => replaced(plan, /const BAND: u32 = \d+u;/, `const BAND: u32 = ${band}u;`, `band ${band}`),
  })),
];

/** A large product whose variants are those of the planner and each of its tiles with each change. */
export function sweepCase(m: number, n: number, k: number): BenchCase {
  const plain = largeMatmul(m, n, k);
  return changedCase(plain, 'changed', GEMM_CHANGES, (facts) => {
    // The first two tiles in full: a change that helps neither helps none.
    const tiles = matrixTilesOf(plain, facts).slice(0, 2);
    return tiles.flatMap((tile) => [
      tile,
      ...GEMM_CHANGES.filter(({ apply }) => apply(facts, plain.plan(facts, tile), tile) !== undefined).map(
        ({ name }) => `${tile} + ${name}`,
      ),
    ]);
  });
}

/** A case's tiles of the matrix unit, the planner's choice first. */
export function matrixTilesOf(plain: BenchCase, facts: DeviceFacts): readonly string[] {
  return plain.variants(facts).filter((name) => name.startsWith('matrix-'));
}

/** A case with variants of its own: a tile's name, or `TILE + CHANGE`. */
export function changedCase(
  plain: BenchCase,
  label: string,
  changes: readonly GemmChange[],
  variants: BenchCase['variants'],
): BenchCase {
  return {
    ...plain,
    name: `${plain.name}, ${label}`,
    variants,
    plan: (facts, variant) => {
      const [tile, name] = variant.split(' + ');
      const own = plain.plan(facts, tile);
      return changes.find((change) => change.name === name)?.apply(facts, own, tile) ?? own;
    },
  };
}

/** A plan whose text has `text` in place of what `pattern` finds; undefined where it finds nothing. */
function replaced(plan: KernelPlan, pattern: RegExp | string, text: string, label: string): KernelPlan | undefined {
  const at = plan.sources.findIndex((source) =>
    typeof pattern === 'string' ? source.includes(pattern) : pattern.test(source),
  );
  if (at < 0) return undefined;
  const sources = plan.sources.map((source, i) => (i === at ? source.replace(pattern, () => text) : source));
  return sources[at] === plan.sources[at] ? undefined : { ...plan, sources, variant: `${plan.variant},${label}` };
}

/**
 * A change of the generated text as a whole.
 *
 * @param emit the text for a tile; undefined where there is none
 */
export function regenerated(
  name: string,
  emit: (unit: MatrixUnit, tile: MatrixTile) => string | undefined,
): GemmChange {
  return {
    name,
    apply: (facts, plan, variant) => {
      const unit = matrixUnit(facts, 'f16');
      const tile = MATRIX_TILES.find((candidate) => tileName(candidate) === variant);
      const own = unit && tile && layTile(unit, tile, 'nk');
      if (!unit || !tile || !own) return undefined;
      const text = emit(unit, tile);
      return text === undefined ? undefined : replaced(plan, emitGemm(unit, own, firstRow), text, name);
    },
  };
}

/** The same tile, staged otherwise; not where that is what the planner does. */
function restaged(name: string, staging: StagingOptions): GemmChange {
  return regenerated(name, (unit, tile) => {
    const layout = layTile(unit, tile, 'nk', undefined, staging);
    return layout && emitGemm(unit, layout, firstRow);
  });
}
