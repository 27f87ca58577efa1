import type { DeviceFacts } from '../../../kernels/facts.ts';
import { firstRow } from '../../../kernels/matmul/matmul-matrix.ts';
import { emitGemm } from '../../../kernels/matrix-gemm.ts';
import { layTile, MATRIX_TILES, tileName, type TileLayout } from '../../../kernels/matrix-tile.ts';
import { matrixUnit } from '../../../kernels/matrix-unit.ts';
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

/** Changes one at a time: the band, staged rows without padding, a pointed-to type of 8 bytes. */
export const GEMM_CHANGES: readonly GemmChange[] = [
  ...BANDS.map((band): GemmChange => ({
    name: `band ${band}`,
    apply: (_, plan) => replaced(plan, /const BAND: u32 = \d+u;/, `const BAND: u32 = ${band}u;`, `band ${band}`),
  })),
  {
    name: 'no padding',
    apply: (facts, plan, tile) => relaid(facts, plan, tile, 'no padding', withoutPadding),
  },
  {
    name: 'vec2 staging',
    apply: (facts, plan, tile) => relaid(facts, plan, tile, 'vec2 staging', withNarrowPointee),
  },
];

/** A large product whose variants are those of the planner and each of its tiles with each change. */
export function sweepCase(m: number, n: number, k: number): BenchCase {
  const plain = largeMatmul(m, n, k);
  const changeOf = (variant: string): readonly [tile: string, change: GemmChange | undefined] => {
    const [tile, name] = variant.split(' + ');
    return [tile, GEMM_CHANGES.find((change) => change.name === name)];
  };
  const plan = (facts: DeviceFacts, variant: string): KernelPlan => {
    const [tile, change] = changeOf(variant);
    const own = plain.plan(facts, tile);
    return change?.apply(facts, own, tile) ?? own;
  };
  return {
    ...plain,
    name: `${plain.name}, changed`,
    variants: (facts) => {
      const tiles = plain.variants(facts).filter((name) => name.startsWith('matrix-'));
      // The first two tiles in full: a change that helps neither helps none.
      return tiles
        .slice(0, 2)
        .flatMap((tile) => [
          tile,
          ...GEMM_CHANGES.filter(({ apply }) => apply(facts, plain.plan(facts, tile), tile) !== undefined).map(
            ({ name }) => `${tile} + ${name}`,
          ),
        ]);
    },
    plan,
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

/** The same tile in another layout: its generated text is replaced as a whole. */
function relaid(
  facts: DeviceFacts,
  plan: KernelPlan,
  tile: string,
  label: string,
  change: (layout: TileLayout) => TileLayout | undefined,
): KernelPlan | undefined {
  const unit = matrixUnit(facts, 'f16');
  const shape = MATRIX_TILES.find((candidate) => tileName(candidate) === tile);
  const own = unit && shape && layTile(unit, shape, 'nk');
  const other = own && change(own);
  if (!unit || !own || !other || other.stageSize * other.pointeeBytes > unit.storage) return undefined;
  return replaced(plan, emitGemm(unit, own, firstRow), emitGemm(unit, other, firstRow), label);
}

/** Staged rows that lie end to end: they begin in the same banks where their length is a power of two. */
function withoutPadding(layout: TileLayout): TileLayout {
  const { tile, unitLength, pointeeBytes } = layout;
  const stride = (tile.depth / unitLength) * (16 / pointeeBytes);
  return resized({ ...layout, leftStride: stride, rightStride: stride });
}

/** The same memory as vec2<u32>: whether a driver loads matrices by the size of what a pointer points to. */
function withNarrowPointee(layout: TileLayout): TileLayout | undefined {
  if (layout.pointeeBytes !== 16) return undefined;
  return resized({
    ...layout,
    pointee: 'vec2<u32>',
    pointeeBytes: 8,
    leftStride: 2 * layout.leftStride,
    rightStride: 2 * layout.rightStride,
    patchStride: 2 * layout.patchStride,
    patchSize: 2 * layout.patchSize,
  });
}

/** Sizes that follow from the strides, in order nk. */
function resized(layout: TileLayout): TileLayout {
  const { tile, gridRows, gridColumns } = layout;
  const leftSize = tile.rows * layout.leftStride;
  const rightSize = tile.columns * layout.rightStride;
  const stageSize = Math.max(tile.buffers * (leftSize + rightSize), layout.patchSize * gridRows * gridColumns);
  return { ...layout, leftSize, rightSize, stageSize };
}
