import type { DeviceFacts } from '../facts.ts';
import { emitGemm } from '../matrix-gemm.ts';
import { matrixEnables } from '../matrix-spelling.ts';
import { fittingTiles, layTile, MATRIX_TILES, tileName, type TileLayout } from '../matrix-tile.ts';
import { matrixUnit, type MatrixUnit } from '../matrix-unit.ts';
import type { MatmulSpec, ResolvedMatmul, ResolvedOperand } from './matmul-spec.ts';
import { wgsl as i8Narrow } from './matrix-i8.wgsl.ts';
import { wgsl as i8Wide } from './matrix-i8-wide.wgsl.ts';
import { wgsl as leftF16 } from './matrix-left-f16.wgsl.ts';
import { wgsl as operands } from './matrix-operands.wgsl.ts';
import { wgsl as rightKn } from './matrix-right-kn.wgsl.ts';
import { wgsl as rightNk } from './matrix-right-nk.wgsl.ts';
import { wgsl as wEight } from './w-eight.wgsl.ts';
import { wgsl as wF16Wide } from './w-f16-wide.wgsl.ts';
import { wgsl as xEight } from './x-eight.wgsl.ts';
import { wgsl as xF16Wide } from './x-f16-wide.wgsl.ts';

/*
 * matmul on a device's matrix unit (tier T2): x and w become f16 on their way into workgroup memory, sums are f32; or
 * both are i8 and sums i32 (W8A8). One variant per tile of kernels/matrix-tile.ts.
 */

/** Name of a variant that runs on the matrix unit: `matrix-ROWSxCOLUMNSxDEPTH-tINVOCATIONS-bBUFFERS`. */
export type MatrixVariant = `matrix-${string}`;

/** Rows of tiles in a band: 16 of 128 rows of x and a panel of w fit the cache of a large GPU. */
const BAND = 16;

/** True for the names of matrix variants. */
export function isMatrixVariant(name: string): name is MatrixVariant {
  return name.startsWith('matrix-');
}

/** Tiles that fit a device and a problem, the one to prefer first; empty where the device has no such unit. */
export function matrixVariants(facts: DeviceFacts, problem: ResolvedMatmul): MatrixVariant[] {
  const { m, n, batch, order, x, heads } = problem;
  const unit = matrixUnit(facts, componentOf(x));
  if (!unit) return [];
  return fittingTiles(unit, order, { m, n, batch }, heads?.dim).map((tile) => tileName(tile) as MatrixVariant);
}

/**
 * Whether the planner takes the matrix unit by itself. On software drivers the unit is emulated and slower; a few rows are
 * bound by the reading of w; and f32 weights are kept by those who want f32 products.
 */
export function prefersMatrix(facts: DeviceFacts, { m, w }: ResolvedMatmul): boolean {
  if (m <= 4) return false;
  return facts.preferMatrix ?? (facts.kind === 'gpu' && w.dtype !== 'f32');
}

/** What planMatmul needs to know of a matrix variant. */
export interface MatrixAlgorithm {
  /** `enable` lines and constants: the very first source. */
  readonly head: string;
  /** Reading of x and of w. */
  readonly x: string;
  readonly w: string;
  /** Functions and entry point, after the epilogue's parts. */
  readonly body: string;
  readonly rows: number;
  readonly columns: number;
  readonly xScale: number;
}

/**
 * The text of a matrix variant for a problem.
 *
 * @param xPart, wPart how the other variants read x and w by four
 * @returns undefined where the device lacks the unit or the tile does not fit
 */
export function describeMatrix(
  facts: DeviceFacts,
  spec: MatmulSpec,
  problem: ResolvedMatmul,
  variant: MatrixVariant,
  parts: { readonly xPart: string; readonly wPart: string },
): MatrixAlgorithm | undefined {
  const unit = matrixUnit(facts, componentOf(problem.x));
  const laid = unit && findLayout(unit, problem, variant);
  if (!unit || !laid) return undefined;
  const { k, n, order, x, w } = problem;
  const head = `${matrixEnables({ f16: unit.component === 'f16', subgroupSizeControl: unit.setsSize })}const BAND: u32 = ${BAND}u;\n`;
  const shape = { head, rows: laid.tile.rows, columns: laid.heads?.columns ?? laid.tile.columns };
  if (unit.component === 'i8') {
    const isWideCodes = k % 16 === 0 && [x, w].every(({ offset, stride }) => offset % 16 === 0 && stride % 16 === 0);
    const body = [operands, isWideCodes ? i8Wide : i8Narrow, emitGemm(unit, laid, firstRow)].join('\n');
    return { ...shape, x: '', w: '', body, xScale: 1 };
  }
  const isWideX = x.dtype === 'f16' && isWide(x, k);
  const isWideW = w.dtype === 'f16' && isWide(w, order === 'nk' ? k : n);
  return {
    ...shape,
    x: isWideX ? xF16Wide : `${parts.xPart}\n${xEight}`,
    w: isWideW ? wF16Wide : `${parts.wPart}\n${wEight}`,
    body: [operands, leftF16, order === 'nk' ? rightNk : rightKn, emitGemm(unit, laid, firstRow)].join('\n'),
    xScale: x.dtype === 'f16' ? 1 : (spec.xScale ?? 1),
  };
}

/** Where a tile's rows begin, as text for the generator: two problems' tiles begin where each of them does. */
export function firstRow(rows: number): string {
  return `first_row(tile, ${rows}u)`;
}

function componentOf(x: ResolvedOperand): 'f16' | 'i8' {
  return x.dtype === 'i8' ? 'i8' : 'f16';
}

function findLayout(
  unit: MatrixUnit,
  { order, heads }: ResolvedMatmul,
  variant: MatrixVariant,
): TileLayout | undefined {
  const tile = MATRIX_TILES.find((candidate) => tileName(candidate) === variant);
  return tile && layTile(unit, tile, order, heads?.dim);
}

/** Every unit of eight that lies in a row begins at a multiple of 16 bytes and is whole. */
function isWide({ offset, stride, batchStride }: ResolvedOperand, columns: number): boolean {
  return [offset, stride, batchStride, columns].every((count) => count % 8 === 0);
}
