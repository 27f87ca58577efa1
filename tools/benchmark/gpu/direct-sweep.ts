import type { DeviceFacts } from '../../../kernels/facts.ts';
import { firstRow } from '../../../kernels/matmul/matmul-matrix.ts';
import { layTile } from '../../../kernels/matrix-tile.ts';
import { matrixUnit } from '../../../kernels/matrix-unit.ts';
import type { BenchCase } from '../kernel-run.ts';
import { dividesTile, emitDirectGemm, packFragments, unpackFragments, type DirectFeed } from './direct-gemm.ts';
import { changedCase, matrixTilesOf, regenerated } from './gemm-sweep.ts';
import { largeMatmul } from './large-cases.ts';

/** Tiles that are tried with each type; one staging buffer or two makes no difference to what is not staged. */
const TILES = 3;

/** What fragments are loaded from, the widest first. */
const POINTEES = ['vec4<u32>', 'f16'] as const;

/**
 * A large product whose fragments come straight from global memory: from operands that lie as tensors do, and from packed
 * ones. No variant runs where no tile divides the product, or the device has no matrix unit.
 */
export function directCases(facts: DeviceFacts, m: number, n: number, k: number): readonly BenchCase[] {
  const rows = directCase(m, n, k, 'rows');
  const packed = directCase(m, n, k, 'packed');
  const unit = matrixUnit(facts, 'f16');
  if (!unit) return [rows];
  /** Both operands in the other order, the rest as it is. */
  const reordered = (
    inputs: Readonly<Record<string, ArrayBufferView>>,
    reorder: typeof packFragments,
  ): Record<string, ArrayBufferView> => ({
    ...inputs,
    x: reorder(inputs.x as Uint16Array, k, unit.m, unit.k),
    w: reorder(inputs.w as Uint16Array, k, unit.n, unit.k),
  });
  return [
    rows,
    {
      ...packed,
      inputs: (random, own) => reordered(rows.inputs(random, own, ''), packFragments),
      sample: (inputs, variant) => rows.sample?.(reordered(inputs, unpackFragments), variant) ?? {},
    },
  ];
}

function directCase(m: number, n: number, k: number, arrangement: DirectFeed['arrangement']): BenchCase {
  const plain = largeMatmul(m, n, k);
  const changes = POINTEES.map((pointee) =>
    regenerated(`${arrangement} of ${pointee}`, (unit, tile) => {
      const layout = layTile(unit, tile, 'nk');
      if (!layout || !dividesTile(tile, m, n, k)) return undefined;
      return emitDirectGemm(unit, layout, { pointee, arrangement }, firstRow);
    }),
  );
  return changedCase(plain, `${arrangement} in global memory`, changes, (facts) => {
    const tiles = matrixTilesOf(plain, facts).filter((tile) => tile.endsWith('-b1'));
    return changes.flatMap(({ name, apply }) =>
      tiles
        .filter((tile) => apply(facts, plain.plan(facts, tile), tile) !== undefined)
        .slice(0, TILES)
        .map((tile) => `${tile} + ${name}`),
    );
  });
}
