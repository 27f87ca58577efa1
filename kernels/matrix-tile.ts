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
  readonly pointee: 'vec4<u32>' | 'vec2<u32>';
  readonly pointeeBytes: number;
  /** Elements from a staged row to the next, and in all rows. Rows are padded by one unit: an odd stride in units. */
  readonly leftStride: number;
  readonly leftSize: number;
  readonly rightStride: number;
  readonly rightSize: number;
  /** Units that an invocation stages of each operand in a step. */
  readonly leftUnits: number;
  readonly rightUnits: number;
  /** Fragments side by side that a subgroup hands over at once at the end, and the patch of memory for it. */
  readonly patchFragments: number;
  readonly patchStride: number;
  readonly patchSize: number;
  /** Elements of the one array that staging and patches share. */
  readonly stageSize: number;
}

/** Variant name of a tile: rows x columns x depth, invocations, buffers. */
export function tileName(tile: MatrixTile): string {
  return `matrix-${tile.rows}x${tile.columns}x${tile.depth}-t${tile.invocations}-b${tile.buffers}`;
}

/** Lays a tile out for a unit; undefined where it does not divide or does not fit the device. */
export function layTile(unit: MatrixUnit, tile: MatrixTile, order: RightOrder): TileLayout | undefined {
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
  const pointeeBytes = step >= UNIT_BYTES ? UNIT_BYTES : 8;
  if (step < 8) return undefined;
  const elements = (components: number): number => (components * bytes) / pointeeBytes;
  const [rightRows, rightLength] = order === 'nk' ? [columns, depth] : [depth, columns];
  const leftStride = elements(depth + unitLength);
  const rightStride = elements(rightLength + unitLength);
  const leftSize = rows * leftStride;
  const rightSize = rightRows * rightStride;
  const buffersSize = buffers * (leftSize + rightSize);
  let patchFragments = fragmentColumns;
  const patchOf = (fragments: number): number => unit.m * ((fragments * unit.n + PATCH_PAD) * 4) * subgroups;
  while (patchFragments % 2 === 0 && patchOf(patchFragments) > Math.max(buffersSize * pointeeBytes, UNIT_BYTES))
    patchFragments /= 2;
  const patchStride = ((patchFragments * unit.n + PATCH_PAD) * 4) / pointeeBytes;
  const patchSize = unit.m * patchStride;
  const stageSize = Math.max(buffersSize, patchSize * subgroups);
  if (stageSize * pointeeBytes > unit.storage) return undefined;
  return {
    tile,
    order,
    gridRows,
    gridColumns,
    fragmentRows,
    fragmentColumns,
    unitLength,
    pointee: pointeeBytes === UNIT_BYTES ? 'vec4<u32>' : 'vec2<u32>',
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
    stageSize,
  };
}

/** Tiles from which on the large ones keep a large GPU busy. */
const BUSY = 128;

/** Tiles that fit, the one to prefer for a product [m, n] first. */
export function fittingTiles(
  unit: MatrixUnit,
  order: RightOrder,
  product: { readonly m: number; readonly n: number; readonly batch: number },
): MatrixTile[] {
  const fitting = MATRIX_TILES.filter((tile) => layTile(unit, tile, order) !== undefined);
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
