import { indent, scaled, type MatrixEmitter } from './matrix-emit.ts';
import { storeMatrix } from './matrix-spelling.ts';
import { elementsOf, loadQuad, quadStart, stageArray, storeQuad } from './matrix-stage.ts';
import { headTotals, type HeadLayout, type TileLayout } from './matrix-tile.ts';
import type { MatrixUnit } from './matrix-unit.ts';

/*
 * The end of a matrix product whose columns are heads: each head of each row leaves knowing the sum of its squares, so
 * that a norm over the head and a rotation within it need no pass of their own. The op adds
 *
 *     fn head_value(row: u32, column: Column, sum: vec4f) -> vec4f     what is squared: scale and bias done
 *     fn head_put(tile: Tile, row: u32, col: u32, value: vec4f, partner: vec4f, squares: f32)
 *
 * `partner` is the quad half a head further (or back). Rows and columns that head_value gets lie within the problem.
 *
 * A row of fragments of all subgroups goes into one strip of the staging memory, as wide as the tile; then each
 * invocation finishes and squares its part of a head in place, then each hands over quads. Sums over a head go through
 * memory, never through subgroup arithmetic: a driver crashed on modules that have both (spec kernels 2.1).
 */

/** Declaration of the memory that the end takes besides the staging array. */
export function headMemory(heads: HeadLayout): string[] {
  return [`var<workgroup> totals: array<f32, ${headTotals(heads)}>;`];
}

/** Hands the sums over by whole heads; the staging memory has been read by everyone before. */
export function emitHeads(e: MatrixEmitter, unit: MatrixUnit, layout: TileLayout, heads: HeadLayout): string[] {
  const { tile, gridColumns, fragmentRows, fragmentColumns } = layout;
  const stage = stageArray(layout);
  const { dim, columns, stride, parts } = heads;
  const load = loadQuad(stage, 'at');
  const place = (column: string): string => `r * ${stride}u + ${quadStart(stage, `(${column})`)}`;
  const sum = unit.result === 'f32' ? `bitcast<vec4f>(${load})` : `vec4f(bitcast<vec4i>(${load}))`;
  const partQuads = dim / parts / 4;
  const rowParts = (columns / dim) * parts;
  const quads = columns / 4;
  return [
    `let strip = (subgroup / ${gridColumns}u) * ${unit.m * stride}u + ${quadStart(stage, 'part_col / 4u')};`,
    ...e.loop('i', fragmentRows, (i) => {
      // Rows of the strip follow each other within a fragment; the next fragment's belong to the next part of the tile.
      const outRow = `let out_row = row + (r / ${unit.m}u) * ${fragmentRows * unit.m}u + ${scaled(i, unit.m)} + r % ${unit.m}u;`;
      return [
        ...e.loop('j', fragmentColumns, (j) => [
          storeMatrix('&stage', `strip + ${scaled(j, elementsOf(stage, unit.n * 4))}`, e.at('sum', i, j), `${stride}u`),
        ]),
        'workgroupBarrier();',
        `for (var q = local; q < ${headTotals(heads)}u; q += ${tile.invocations}u) {`,
        ...indent([
          `let r = q / ${rowParts}u;`,
          `let first = (q % ${rowParts}u) * ${partQuads}u;`,
          outRow,
          'let known_row = min(out_row, gemm_rows() - 1u);',
          'var total = 0.0;',
          `for (var c = first; c < first + ${partQuads}u; c++) {`,
          ...indent([
            `let at = ${place('c')};`,
            'let column = gemm_column(tile, min(col + 4u * c, gemm_columns() - 4u));',
            `let value = head_value(known_row, column, ${sum});`,
            'total += dot(value, value);',
            'let bits = bitcast<vec4u>(value);',
            ...storeQuad(stage, 'at', 'bits'),
          ]),
          '}',
          'totals[q] = total;',
        ]),
        '}',
        'workgroupBarrier();',
        `for (var q = local; q < ${heads.rows * quads}u; q += ${tile.invocations}u) {`,
        ...indent([
          `let r = q / ${quads}u;`,
          `let c = q % ${quads}u;`,
          outRow,
          'if (out_row < gemm_rows() && col + 4u * c < gemm_columns()) {',
          ...indent([
            `let first = r * ${rowParts}u + (c / ${dim / 4}u) * ${parts}u;`,
            'var squares = 0.0;',
            `for (var part = 0u; part < ${parts}u; part++) {`,
            '  squares += totals[first + part];',
            '}',
            ...quadAt('value', 'c'),
            ...quadAt('partner', partnerOf(dim)),
            'head_put(tile, out_row, col + 4u * c, value, partner, squares);',
          ]),
          '}',
        ]),
        '}',
        'workgroupBarrier();',
      ];
    }),
  ];

  function quadAt(name: string, column: string): string[] {
    const at = `${name}_at`;
    return [`let ${at} = ${place(column)};`, `let ${name} = bitcast<vec4f>(${loadQuad(stage, at)});`];
  }
}

/** Column of the quad that lies half a head further or back; the quad itself where half a head is no whole quad. */
function partnerOf(dim: number): string {
  if (dim % 8 !== 0) return 'c';
  return `select(c - ${dim / 8}u, c + ${dim / 8}u, c % ${dim / 4}u < ${dim / 8}u)`;
}
