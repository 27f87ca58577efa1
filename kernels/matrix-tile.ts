import { ELEMENT_BYTES, elementsOf, patchArray, stageArray, type StageElement } from './matrix-stage.ts';
import type { MatrixUnit } from './matrix-unit.ts';

/** What a workgroup computes: rows x columns sums, `depth` terms at a time. The same on every device. */
export interface MatrixTile {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly invocations: number;
  /** 2: the next step is staged while this one is multiplied, with one barrier a step; 1: half the memory, two barriers. */
  readonly buffers: 1 | 2;
}

/** Order of the right operand in memory: `nk` = its K lie side by side, `kn` = its columns do. */
export type RightOrder = 'nk' | 'kn';

/**
 * The tiles that a tuner tries, of spec kernels 2.5. On 16 x 16 x 16 units with subgroups of 32, 128 x 128 with 128
 * invocations gives each subgroup 64 x 64: below that the staging memory, not the matrix unit, sets the speed.
 */
export const MATRIX_TILES: readonly MatrixTile[] = [
  { rows: 128, columns: 128, depth: 32, invocations: 128, buffers: 2 },
  { rows: 128, columns: 128, depth: 32, invocations: 128, buffers: 1 },
  { rows: 128, columns: 128, depth: 64, invocations: 128, buffers: 1 },
  { rows: 128, columns: 256, depth: 32, invocations: 256, buffers: 1 },
  { rows: 128, columns: 256, depth: 16, invocations: 256, buffers: 2 },
  { rows: 128, columns: 128, depth: 32, invocations: 256, buffers: 2 },
  { rows: 128, columns: 128, depth: 32, invocations: 256, buffers: 1 },
  { rows: 64, columns: 128, depth: 32, invocations: 128, buffers: 2 },
  { rows: 64, columns: 128, depth: 32, invocations: 128, buffers: 1 },
  { rows: 64, columns: 64, depth: 32, invocations: 128, buffers: 2 },
  { rows: 64, columns: 64, depth: 32, invocations: 128, buffers: 1 },
  { rows: 32, columns: 32, depth: 32, invocations: 64, buffers: 1 },
];

/** Bytes that an invocation moves at once when it stages: the widest load there is. */
const UNIT_BYTES = 16;

/** Sums that a row of the patch is padded by, so that its rows begin in different banks. */
const PATCH_PAD = 4;

/** A tile laid out for a unit. Sizes of workgroup memory count elements of the pointed-to type. */
export interface TileLayout {
  readonly tile: MatrixTile;
  readonly order: RightOrder;
  /** Subgroups that share the tile, as a grid, and fragments of each. */
  readonly gridRows: number;
  readonly gridColumns: number;
  readonly fragmentRows: number;
  readonly fragmentColumns: number;
  /** Components in one staged unit of 16 bytes. */
  readonly unitLength: number;
  /** Type that the staging array holds: a K step of a fragment is a whole number of its elements. */
  readonly pointee: StageElement;
  readonly pointeeBytes: number;
  /** Elements from a staged row to the next, and in all rows. */
  readonly leftStride: number;
  readonly leftSize: number;
  readonly rightStride: number;
  readonly rightSize: number;
  /** Units that an invocation stages of each operand in a step. */
  readonly leftUnits: number;
  readonly rightUnits: number;
  /** Fragments side by side that a subgroup hands over at once at the end, and the patch of memory for it (patchArray). */
  readonly patchFragments: number;
  readonly patchStride: number;
  readonly patchSize: number;
  /** Where whole heads leave together: how. The patch is then the strip that all subgroups share. */
  readonly heads?: HeadLayout;
  /** Elements of the staging array, which is also as large as all patches where they share it (patchArray). */
  readonly stageSize: number;
}

/**
 * How sums leave by whole heads (runs of columns that belong together): a row of fragments of every subgroup lies in one
 * strip of rows as wide as the tile.
 */
export interface HeadLayout {
  /** Columns of a head, and of the whole heads that the tile holds: columns beyond them are dropped. */
  readonly dim: number;
  readonly columns: number;
  /** Rows of the strip: those of one fragment for each row of the grid of subgroups. */
  readonly rows: number;
  /** Elements from a row of the strip to the next. */
  readonly stride: number;
  /** Parts that a head is summed up in, one invocation each. */
  readonly parts: number;
}

/** Variant name of a tile: rows x columns x depth, invocations, buffers. */
export function tileName(tile: MatrixTile): string {
  return `matrix-${tile.rows}x${tile.columns}x${tile.depth}-t${tile.invocations}-b${tile.buffers}`;
}

/** How operands are staged, where it is not as planners do it: what that is worth can be measured. */
export interface StagingOptions {
  /** What loads point to; absent: the widest there is. Sums do not fit f16: they then have memory of their own. */
  readonly pointee?: StageElement;
  /** Units of 16 bytes that a row is padded by; absent: one, so that rows begin in different banks. */
  readonly padding?: 0 | 1;
}

/**
 * Lays a tile out for a unit; undefined where it does not divide or does not fit the device.
 *
 * @param headDim columns of the heads that must leave whole; absent: sums leave one by one
 */
export function layTile(
  unit: MatrixUnit,
  tile: MatrixTile,
  order: RightOrder,
  headDim?: number,
  staging: StagingOptions = {},
): TileLayout | undefined {
  const { rows, columns, depth, invocations, buffers } = tile;
  const bytes = unit.component === 'f16' ? 2 : 1;
  const unitLength = UNIT_BYTES / bytes;
  const subgroups = invocations / unit.subgroupSize;
  const grid = chooseGrid(unit, tile, subgroups);
  if (!grid || depth % unit.k !== 0 || depth % unitLength !== 0 || columns % unitLength !== 0) return undefined;
  const { gridRows, gridColumns } = grid;
  const fragmentRows = rows / gridRows / unit.m;
  const fragmentColumns = columns / gridColumns / unit.n;
  const leftUnits = (rows * depth) / unitLength / invocations;
  const rightUnits = (columns * depth) / unitLength / invocations;
  if (!Number.isInteger(leftUnits) || !Number.isInteger(rightUnits) || invocations > unit.invocations) return undefined;
  const step = Math.min(UNIT_BYTES, bytes * (order === 'kn' ? Math.min(unit.k, unit.n) : unit.k));
  if (step < 8) return undefined;
  const { pointee = step >= UNIT_BYTES ? 'vec4<u32>' : 'vec2<u32>', padding = 1 } = staging;
  const pointeeBytes = ELEMENT_BYTES[pointee];
  if (pointeeBytes > step) return undefined;
  const elements = (components: number): number => (components * bytes) / pointeeBytes;
  const [rightRows, rightLength] = order === 'nk' ? [columns, depth] : [depth, columns];
  const leftStride = elements(depth + padding * unitLength);
  const rightStride = elements(rightLength + padding * unitLength);
  const leftSize = rows * leftStride;
  const rightSize = rightRows * rightStride;
  const buffersSize = buffers * (leftSize + rightSize);
  const buffersBytes = buffersSize * pointeeBytes;
  const patch = patchArray({ pointee });
  const isShared = patch.name === stageArray({ pointee }).name;
  const patchRoom = isShared ? Math.max(buffersBytes, UNIT_BYTES) : unit.storage - buffersBytes;
  let patchFragments = fragmentColumns;
  const patchRow = (fragments: number): number => (fragments * unit.n + PATCH_PAD) * 4;
  while (patchFragments % 2 === 0 && unit.m * patchRow(patchFragments) * subgroups > patchRoom) patchFragments /= 2;
  const patchStride = elementsOf(patch, patchRow(patchFragments));
  const patchSize = unit.m * patchStride;
  const heads = headDim === undefined ? undefined : layHeads(tile, gridRows * unit.m, headDim, pointeeBytes);
  if (headDim !== undefined && !(heads && isShared)) return undefined;
  const endSize = heads ? heads.rows * heads.stride : patchSize * subgroups;
  const stageSize = isShared ? Math.max(buffersSize, endSize) : buffersSize;
  const moreBytes = isShared ? 0 : endSize * ELEMENT_BYTES[patch.element];
  const totalsBytes = heads ? 4 * headTotals(heads) : 0;
  if (stageSize * pointeeBytes + moreBytes + totalsBytes > unit.storage) return undefined;
  return {
    tile,
    order,
    gridRows,
    gridColumns,
    fragmentRows,
    fragmentColumns,
    unitLength,
    pointee,
    pointeeBytes,
    leftStride,
    leftSize,
    rightStride,
    rightSize,
    leftUnits,
    rightUnits,
    patchFragments,
    patchStride,
    patchSize,
    ...(heads ? { heads } : {}),
    stageSize,
  };
}

/** Sums of parts of heads that a strip has. */
export function headTotals({ dim, columns, rows, parts }: HeadLayout): number {
  return rows * (columns / dim) * parts;
}

function layHeads(tile: MatrixTile, rows: number, dim: number, pointeeBytes: number): HeadLayout | undefined {
  const perRow = Math.floor(tile.columns / dim);
  if (dim % 4 !== 0 || perRow === 0) return undefined;
  const heads = rows * perRow;
  let parts = 1;
  while (2 * parts * heads <= tile.invocations && dim % (8 * parts) === 0) parts *= 2;
  return { dim, columns: perRow * dim, rows, stride: ((tile.columns + PATCH_PAD) * 4) / pointeeBytes, parts };
}

/** Tiles from which on the large ones keep a large GPU busy. */
const BUSY = 128;

/** Tiles that fit, the one to prefer for a product [m, n] first. */
export function fittingTiles(
  unit: MatrixUnit,
  order: RightOrder,
  product: { readonly m: number; readonly n: number; readonly batch: number },
  headDim?: number,
): MatrixTile[] {
  const fitting = MATRIX_TILES.filter((tile) => {
    const laid = layTile(unit, tile, order, headDim);
    // Columns that no whole head fills are work for nothing: no more tiles than without heads.
    const columns = laid?.heads?.columns ?? tile.columns;
    return laid !== undefined && Math.ceil(product.n / columns) === Math.ceil(product.n / tile.columns);
  });
  const count = ({ rows, columns }: MatrixTile): number =>
    Math.ceil(product.m / rows) * Math.ceil(product.n / columns) * product.batch;
  // The first of the table that fills the device; of those that do not, the one with the most tiles. Software drivers run
  // all alike, but compile 2 x 2 fragments several times faster than 4 x 4.
  const rank = (tile: MatrixTile): number => {
    if (unit.form === 'rolled') return Math.abs(tile.rows * tile.columns - 4096);
    return count(tile) >= BUSY ? 0 : 1e9 - count(tile);
  };
  return [...fitting].sort((a, b) => rank(a) - rank(b));
}

/** The grid of subgroups whose parts of the tile are nearest to squares: they load the fewest fragments a product. */
function chooseGrid(
  unit: MatrixUnit,
  { rows, columns }: MatrixTile,
  subgroups: number,
): { gridRows: number; gridColumns: number } | undefined {
  let best: { gridRows: number; gridColumns: number } | undefined;
  let least = Infinity;
  for (let gridRows = 1; gridRows <= subgroups; gridRows++) {
    const gridColumns = subgroups / gridRows;
    const [partRows, partColumns] = [rows / gridRows, columns / gridColumns];
    if (!Number.isInteger(gridColumns) || partRows % unit.m !== 0 || partColumns % unit.n !== 0) continue;
    if (partRows + partColumns >= least) continue;
    least = partRows + partColumns;
    best = { gridRows, gridColumns };
  }
  return best;
}
