// x and w as the codes that they are, sixteen to a unit, and sums of i32: exact up to K = 133144 (127 * 127 K < 2^31).
@group(0) @binding(BINDING_X) var<storage, read> x: array<u32>;
@group(0) @binding(BINDING_W) var<storage, read> w: array<u32>;

// The codes of a word that lie before K; the others as zeros. `left` is how many of a row are left from the word on.
fn codes_before(word: u32, left: u32) -> u32 {
  return word & select((1u << (8u * (left & 3u))) - 1u, 0xffffffffu, left >= 4u);
}

fn left_unit(tile: Tile, row: u32, k: u32) -> vec4u {
  var unit = vec4u();
  let start = (tile.x + min(row, p.m - 1u) * p.x_stride + k) >> 2u;
  for (var i = 0u; i < 4u; i++) {
    if (k + 4u * i < p.k) {
      unit[i] = codes_before(x[start + i], p.k - k - 4u * i);
    }
  }
  return unit;
}

fn right_unit(tile: Tile, col: u32, k: u32) -> vec4u {
  var unit = vec4u();
  let start = (tile.w + min(col, p.n - 1u) * p.w_stride + k) >> 2u;
  for (var i = 0u; i < 4u; i++) {
    if (k + 4u * i < p.k) {
      unit[i] = codes_before(w[start + i], p.k - k - 4u * i);
    }
  }
  return unit;
}

fn gemm_put(tile: Tile, row: u32, column: Column, sum: vec4i) {
  finish(tile.out, row, column, vec4f(sum));
}
