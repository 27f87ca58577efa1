// x and w as the codes that they are, sixteen to a unit, and sums of i32: exact up to K = 133144 (127 * 127 K < 2^31).
// K, offsets and strides are multiples of 16: a unit is one load.
@group(0) @binding(BINDING_X) var<storage, read> x: array<vec4u>;
@group(0) @binding(BINDING_W) var<storage, read> w: array<vec4u>;

fn left_unit(tile: Tile, row: u32, k: u32) -> vec4u {
  let start = tile.x + min(row, p.m - 1u) * p.x_stride;
  return select(vec4u(), x[(start + min(k, p.k - 16u)) >> 4u], k < p.k);
}

fn right_unit(tile: Tile, col: u32, k: u32) -> vec4u {
  let start = tile.w + min(col, p.n - 1u) * p.w_stride;
  return select(vec4u(), w[(start + min(k, p.k - 16u)) >> 4u], k < p.k);
}

fn gemm_put(tile: Tile, row: u32, column: Column, sum: vec4i) {
  finish(tile.out, row, column, vec4f(sum));
}
