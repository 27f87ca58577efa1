// Eight inputs of output channel `col` from k on, w stored [N, K]; zeros beyond K, the last channel again beyond N.
fn right_unit(tile: Tile, col: u32, k: u32) -> vec4u {
  let index = tile.w + min(col, p.n - 1u) * p.w_stride + k;
  if (k + 8u <= p.k) {
    return w_eight(index);
  }
  var v = array<f32, 8>();
  for (var i = 0u; i < 8u; i++) {
    if (k + i < p.k) {
      v[i] = w_at(index + i);
    }
  }
  return pack_eight(vec4f(v[0], v[1], v[2], v[3]), vec4f(v[4], v[5], v[6], v[7]));
}
