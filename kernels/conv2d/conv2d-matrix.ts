import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import { emitGemm } from '../matrix-gemm.ts';
import { matrixEnables } from '../matrix-spelling.ts';
import { fittingTiles, layTile, MATRIX_TILES, tileName } from '../matrix-tile.ts';
import { matrixUnit } from '../matrix-unit.ts';
import type { Conv2dOptions } from './conv2d.ts';
import type { ConvWeightDType } from './conv2d-weight.ts';
import { wgsl as inputScalar } from './input-scalar.wgsl.ts';
import { wgsl as inputVec4 } from './input-vec4.wgsl.ts';
import { wgsl as operands } from './matrix-operands.wgsl.ts';
import { wgsl as normNone } from './norm-none.wgsl.ts';
import { wgsl as normRms } from './norm-rms.wgsl.ts';

/** Name of a variant on the matrix unit; the tiles are those of kernels/matrix-tile.ts. */
export type Conv2dMatrixVariant = `matrix-${string}`;

/** The weight lies [taps, inC, outC]: its columns side by side. */
const ORDER = 'kn';

/** Tiles that fit a device, the one to prefer for so many pixels first; empty where the device has no such unit. */
export function conv2dMatrixVariants(facts: DeviceFacts, pixels: number, outC: number): Conv2dMatrixVariant[] {
  const unit = matrixUnit(facts, 'f16');
  if (!unit) return [];
  return fittingTiles(unit, ORDER, { m: pixels, n: outC, batch: 1 }).map(
    (tile) => tileName(tile) as Conv2dMatrixVariant,
  );
}

/** Whether the planner takes the matrix unit by itself: not for f32 weights, nor where the unit is emulated. */
export function prefersMatrixConv(facts: DeviceFacts, weightDType: ConvWeightDType): boolean {
  return facts.preferMatrix ?? (facts.kind === 'gpu' && weightDType !== 'f32');
}

/**
 * Text of a matrix variant.
 *
 * @throws ShapeError where the device lacks the unit or the tile does not fit
 */
export function describeMatrixConv(
  facts: DeviceFacts,
  { inC, inOffset = 0, norm }: Conv2dOptions,
  variant: Conv2dMatrixVariant,
): {
  readonly head: string;
  readonly input: string;
  readonly body: string;
  readonly rows: number;
  readonly columns: number;
} {
  const unit = matrixUnit(facts, 'f16');
  const tile = MATRIX_TILES.find((candidate) => tileName(candidate) === variant);
  const layout = unit && tile && layTile(unit, tile, ORDER);
  if (!layout) throw new ShapeError(`conv2d: variant "${variant}" does not fit this device's matrix unit.`);
  return {
    head: matrixEnables({ f16: true, subgroupSizeControl: unit.setsSize }),
    input: inC % 4 === 0 && inOffset % 4 === 0 ? inputVec4 : inputScalar,
    body: [norm ? normRms : normNone, operands, emitGemm(unit, layout)].join('\n'),
    rows: tile.rows,
    columns: tile.columns,
  };
}
