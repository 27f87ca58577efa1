import { indent, MatrixEmitter, scaled, type LoopIndex } from './matrix-emit.ts';
import { leftType, loadMatrix, multiplyAdd, resultType, rightType, storeMatrix } from './matrix-spelling.ts';
import { emitHeads, headMemory } from './matrix-heads.ts';
import { elementsOf, loadQuad, patchArray, quadStart, stageArray, storeQuad } from './matrix-stage.ts';
import type { TileLayout } from './matrix-tile.ts';
import type { MatrixUnit } from './matrix-unit.ts';

/**
 * Text of a matrix product out of workgroup memory, without the operands: an op adds functions that know its Params.
 *
 *     struct Tile { row: u32, col: u32, ... }            tile numbers, and whatever the op's functions want
 *     fn gemm_tile(index: u32) -> Tile                   which tile a workgroup computes
 *     fn gemm_tiles() -> u32, gemm_rows(), gemm_columns(), gemm_depth()
 *     fn left_unit(tile: Tile, row: u32, k: u32) -> vec4u     16 bytes of A: components k, k + 1, ... of a row
 *     fn right_unit(tile: Tile, col: u32, k: u32) -> vec4u    16 bytes of B: components k, k + 1, ... of column col in
 *                                                        order nk, columns col, col + 1, ... of row k in order kn
 *     fn gemm_column(tile: Tile, col: u32) -> Column     what the end wants of four columns
 *     fn gemm_put(tile: Tile, row: u32, column: Column, sum: vec4f or vec4i)
 *
 * Where sums leave by whole heads, instead of gemm_put what kernels/matrix-heads.ts asks for.
 *
 * The functions get rows, columns and k beyond the problem's edge: they must return zeros for k, and may return anything
 * for rows and columns, since those sums are dropped. Nothing relies on what a device does with reads out of range.
 *
 * Two schemes, as the tile says. One buffer: barrier, registers to workgroup memory, barrier, fetch the next step into
 * registers, multiply. Two buffers: fetch, multiply from one, registers to the other, one barrier. Sums leave through a
 * patch per subgroup in the same memory (see patchArray), because a matrix's elements cannot be addressed.
 *
 * @param firstRow expression for the first row of a tile of so many rows
 */
export function emitGemm(
  unit: MatrixUnit,
  layout: TileLayout,
  firstRow = (rows: number): string => `tile.row * ${rows}u`,
): string {
  return emitFrame(unit, layout, {
    firstRow,
    header: header(unit, layout),
    declarations: [],
    sums: (e) => [
      ...e.declare('next_left', 'vec4u', [layout.leftUnits]),
      ...e.declare('next_right', 'vec4u', [layout.rightUnits]),
      ...fetch(e, layout, '0u'),
      ...(layout.tile.buffers === 1 ? oneBuffer(e, unit, layout) : twoBuffers(e, unit, layout)),
    ],
  });
}

/** What feeds a product: how its sums come about. */
export interface GemmFeed {
  /** Expression for the first row of a tile of so many rows. */
  readonly firstRow: (rows: number) => string;
  /** Comment at the head of the text. */
  readonly header: readonly string[];
  /** Declarations of the module. */
  readonly declarations: readonly string[];
  /**
   * Statements that add the products over all of `depth` to `sum`, for the rows from `row + part_row` and the columns from
   * `col + part_col` on. After them nobody reads `stage`: the sums leave through it.
   */
  readonly sums: (e: MatrixEmitter) => readonly string[];
}

/** Text of a matrix product as emitGemm describes it, fed in another way: then left_unit and right_unit may be missing. */
export function emitFrame(unit: MatrixUnit, layout: TileLayout, feed: GemmFeed): string {
  const { tile } = layout;
  const patch = patchArray(layout);
  const patches = layout.patchSize * layout.gridRows * layout.gridColumns;
  const e = new MatrixEmitter(unit.form);
  const size = unit.setsSize ? ` @subgroup_size(${unit.subgroupSize})` : '';
  const body = [
    'let index = workgroup.y * grid.x + workgroup.x;',
    'if (index >= gemm_tiles()) {',
    '  return;',
    '}',
    'let tile = gemm_tile(index);',
    `let row = ${feed.firstRow(tile.rows)};`,
    `let col = tile.col * ${layout.heads?.columns ?? tile.columns}u;`,
    `let part_row = (subgroup / ${layout.gridColumns}u) * ${layout.fragmentRows * unit.m}u;`,
    `let part_col = (subgroup % ${layout.gridColumns}u) * ${layout.fragmentColumns * unit.n}u;`,
    'let depth = gemm_depth();',
    ...e.declare('sum', 'Sum', [layout.fragmentRows, layout.fragmentColumns]),
    ...feed.sums(e),
    ...(layout.heads ? emitHeads(e, unit, layout, layout.heads) : emitEnd(e, unit, layout)),
  ];
  return [
    ...feed.header.map((line) => `// ${line}`),
    `alias Left = ${leftType(unit.component, unit.m, unit.k)};`,
    `alias Right = ${rightType(unit.component, unit.n, unit.k)};`,
    `alias Sum = ${resultType(unit.result, unit.m, unit.n)};`,
    ...feed.declarations,
    `var<workgroup> stage: array<${layout.pointee}, ${layout.stageSize}>;`,
    ...(patch.name === 'stage' ? [] : [`var<workgroup> ${patch.name}: array<${patch.element}, ${patches}>;`]),
    ...(layout.heads ? headMemory(layout.heads) : []),
    '',
    `@compute @workgroup_size(${tile.invocations})${size}`,
    'fn main(',
    '  @builtin(workgroup_id) workgroup: vec3u,',
    '  @builtin(num_workgroups) grid: vec3u,',
    '  @builtin(local_invocation_index) local: u32,',
    '  @builtin(subgroup_id) subgroup: u32,',
    '  @builtin(subgroup_invocation_id) lane: u32,',
    ') {',
    ...indent(body),
    '}',
    '',
  ].join('\n');
}

function header(unit: MatrixUnit, layout: TileLayout): string[] {
  const { tile, order, gridRows, gridColumns, fragmentRows, fragmentColumns } = layout;
  return [
    `Generated by kernels/matrix-gemm.ts: ${unit.component} x ${unit.component} -> ${unit.result}, right operand ${order}.`,
    `  tile ${tile.rows} x ${tile.columns}, ${tile.depth} deep; ${tile.invocations} invocations; staging buffers: ${tile.buffers}`,
    `  ${gridRows} x ${gridColumns} subgroups of ${unit.subgroupSize}, each ${fragmentRows} x ${fragmentColumns} fragments of ${unit.m} x ${unit.n} x ${unit.k}`,
    `  staged rows: left ${layout.leftStride}, right ${layout.rightStride} ${layout.pointee}; ${unit.form}`,
  ];
}

/** Loads a step's share of both operands into registers. */
function fetch(e: MatrixEmitter, layout: TileLayout, k: string): string[] {
  const { tile, unitLength, order } = layout;
  const unitsOf = (length: number): string => `${length / unitLength}u`;
  const at = (i: LoopIndex): string => `let u = local + ${scaled(i, tile.invocations)};`;
  const across = unitsOf(tile.depth);
  const left = e.loop('i', layout.leftUnits, (i) => [
    at(i),
    `${e.at('next_left', i)} = left_unit(tile, row + u / ${across}, ${k} + (u % ${across}) * ${unitLength}u);`,
  ]);
  const wide = unitsOf(tile.columns);
  const right = e.loop('i', layout.rightUnits, (i) => [
    at(i),
    order === 'nk'
      ? `${e.at('next_right', i)} = right_unit(tile, col + u / ${across}, ${k} + (u % ${across}) * ${unitLength}u);`
      : `${e.at('next_right', i)} = right_unit(tile, col + (u % ${wide}) * ${unitLength}u, ${k} + u / ${wide});`,
  ]);
  return [...left, ...right];
}

/** Moves the registers into a staging buffer that begins at element `base`. */
function place(e: MatrixEmitter, layout: TileLayout, base: string): string[] {
  const { tile, unitLength, order } = layout;
  const stage = stageArray(layout);
  const side = (name: string, units: number, across: number, start: string, stride: number): string[] =>
    e.loop('i', units, (i) => [
      `let u = local + ${scaled(i, tile.invocations)};`,
      `let at = ${start} + (u / ${across}u) * ${stride}u + ${quadStart(stage, `(u % ${across}u)`)};`,
      ...storeQuad(stage, 'at', e.at(name, i)),
    ]);
  const rightAcross = (order === 'nk' ? tile.depth : tile.columns) / unitLength;
  return [
    ...side('next_left', layout.leftUnits, tile.depth / unitLength, base, layout.leftStride),
    ...side('next_right', layout.rightUnits, rightAcross, `${base} + ${layout.leftSize}u`, layout.rightStride),
  ];
}

/** Multiplies what the staging buffer at element `base` holds. */
function multiply(e: MatrixEmitter, unit: MatrixUnit, layout: TileLayout, base: string): string[] {
  const { order, leftStride, rightStride, unitLength, pointeeBytes } = layout;
  const perElement = (unitLength * pointeeBytes) / 16;
  const rightFragment = order === 'nk' ? unit.n * rightStride : unit.n / perElement;
  return [
    `let left_base = ${base} + part_row * ${leftStride}u;`,
    order === 'nk'
      ? `let right_base = ${base} + ${layout.leftSize}u + part_col * ${rightStride}u;`
      : `let right_base = ${base} + ${layout.leftSize}u + part_col / ${perElement}u;`,
    ...multiplyFragments(e, unit, layout, {
      left: (i, step) =>
        loadMatrix(
          'Left',
          'row_major',
          '&stage',
          `left_base + ${scaled(step, unit.k / perElement)} + ${scaled(i, unit.m * leftStride)}`,
          `${leftStride}u`,
        ),
      right: (j, step) =>
        loadMatrix(
          'Right',
          order === 'nk' ? 'col_major' : 'row_major',
          '&stage',
          `right_base + ${scaled(step, order === 'nk' ? unit.k / perElement : unit.k * rightStride)} + ${scaled(j, rightFragment)}`,
          `${rightStride}u`,
        ),
    }),
  ];
}

/** Expressions that load a subgroup's row `i` of fragments of A, and its column `j` of B, in a step of unit.k. */
export interface FragmentLoads {
  readonly left: (i: LoopIndex, step: LoopIndex) => string;
  readonly right: (j: LoopIndex, step: LoopIndex) => string;
}

/** Adds the products of `tile.depth` components to the sums. */
export function multiplyFragments(
  e: MatrixEmitter,
  unit: MatrixUnit,
  { tile, fragmentRows, fragmentColumns }: TileLayout,
  loads: FragmentLoads,
): string[] {
  return e.loop('step', tile.depth / unit.k, (step) => [
    ...e.declare('b', 'Right', [fragmentColumns]),
    ...e.loop('j', fragmentColumns, (j) => [`${e.at('b', j)} = ${loads.right(j, step)};`]),
    ...e.loop('i', fragmentRows, (i) => [
      `let a = ${loads.left(i, step)};`,
      ...e.loop('j', fragmentColumns, (j) => [
        `${e.at('sum', i, j)} = ${multiplyAdd('a', e.at('b', j), e.at('sum', i, j))};`,
      ]),
    ]),
  ]);
}

function oneBuffer(e: MatrixEmitter, unit: MatrixUnit, layout: TileLayout): string[] {
  const { depth } = layout.tile;
  return [
    `for (var k = 0u; k < depth; k += ${depth}u) {`,
    ...indent([
      'workgroupBarrier(); // the last step has been read',
      ...place(e, layout, '0u'),
      'workgroupBarrier();',
      `if (k + ${depth}u < depth) {`,
      ...indent(fetch(e, layout, `k + ${depth}u`)),
      '}',
      ...multiply(e, unit, layout, '0u'),
    ]),
    '}',
    'workgroupBarrier();',
  ];
}

function twoBuffers(e: MatrixEmitter, unit: MatrixUnit, layout: TileLayout): string[] {
  const { depth } = layout.tile;
  const size = layout.leftSize + layout.rightSize;
  return [
    ...place(e, layout, '0u'),
    'workgroupBarrier();',
    'var base = 0u;',
    `for (var k = 0u; k < depth; k += ${depth}u) {`,
    ...indent([
      `let more = k + ${depth}u < depth;`,
      'if (more) {',
      ...indent(fetch(e, layout, `k + ${depth}u`)),
      '}',
      ...multiply(e, unit, layout, 'base'),
      `base = ${size}u - base;`,
      'if (more) {',
      ...indent(place(e, layout, 'base')),
      '}',
      'workgroupBarrier();',
    ]),
    '}',
  ];
}

/** Hands the sums over, a row of fragments (or a part of one) at a time, through the subgroup's patch. */
function emitEnd(e: MatrixEmitter, unit: MatrixUnit, layout: TileLayout): string[] {
  const { patchFragments, patchStride, patchSize, fragmentColumns } = layout;
  const patch = patchArray(layout);
  const quads = (patchFragments * unit.n) / 4;
  const vector = unit.result === 'f32' ? 'vec4f' : 'vec4i';
  // Where a row's quads divide the subgroup, a lane keeps its columns in all rows.
  const keeps = unit.subgroupSize % quads === 0;
  const put = [
    `let at = patch_base + r * ${patchStride}u + ${quadStart(patch, 'c')};`,
    'if (out_row < gemm_rows() && out_col < gemm_columns()) {',
    `  gemm_put(tile, out_row, ${keeps ? 'column' : 'gemm_column(tile, out_col)'}, bitcast<${vector}>(${loadQuad(patch, 'at')}));`,
    '}',
  ];
  return [
    `let patch_base = subgroup * ${patchSize}u;`,
    ...e.loop('j', fragmentColumns / patchFragments, (j) => {
      const rows = e.loop('i', layout.fragmentRows, (i) => [
        ...e.loop('n', patchFragments, (n) => {
          const column: LoopIndex = {
            text: `${scaled(j, patchFragments)} + ${n.text}`,
            value: j.value === undefined || n.value === undefined ? undefined : j.value * patchFragments + n.value,
          };
          return [
            storeMatrix(
              `&${patch.name}`,
              `patch_base + ${scaled(n, elementsOf(patch, unit.n * 4))}`,
              e.at('sum', i, column),
              `${patchStride}u`,
            ),
          ];
        }),
        'workgroupBarrier();',
        `for (var q = lane; q < ${unit.m * quads}u; q += ${unit.subgroupSize}u) {`,
        ...indent([
          `let r = q / ${quads}u;`,
          ...(keeps
            ? []
            : [
                `let c = q % ${quads}u;`,
                `let out_col = col + part_col + ${scaled(j, patchFragments * unit.n)} + 4u * c;`,
              ]),
          `let out_row = row + part_row + ${scaled(i, unit.m)} + r;`,
          ...put,
        ]),
        '}',
        'workgroupBarrier();',
      ]);
      if (!keeps) return rows;
      return [
        `let c = lane % ${quads}u;`,
        `let out_col = col + part_col + ${scaled(j, patchFragments * unit.n)} + 4u * c;`,
        `let column = gemm_column(tile, min(out_col, ((gemm_columns() - 1u) >> 2u) << 2u));`,
        ...rows,
      ];
    }),
  ];
}
