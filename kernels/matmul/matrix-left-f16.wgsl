// x as f16 in units of eight, and sums of f32.
// Eight of row `row` of x from k on; zeros beyond K, the last row again beyond M.
fn left_unit(tile: Tile, row: u32, k: u32) -> vec4u {
  let index = tile.x + min(row, p.m - 1u) * p.x_stride + k;
  if (k + 8u <= p.k) {
    return x_eight(index);
  }
  var v = array<f32, 8>();
  for (var i = 0u; i < 8u; i++) {
    if (k + i < p.k) {
      v[i] = p.x_scale * x_at(index + i);
    }
  }
  return pack_eight(vec4f(v[0], v[1], v[2], v[3]), vec4f(v[4], v[5], v[6], v[7]));
}

fn pack_eight(a: vec4f, b: vec4f) -> vec4u {
  return vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));
}

fn gemm_put(tile: Tile, row: u32, column: Column, sum: vec4f) {
  finish(tile.out, row, column, sum);
}
