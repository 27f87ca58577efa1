// Output channels `col` to col + 7 of input k, w stored [K, N]; zeros beyond K and beyond N.
fn right_unit(tile: Tile, col: u32, k: u32) -> vec4u {
  let index = tile.w + k * p.w_stride + col;
  if (k < p.k && col + 8u <= p.n) {
    return w_eight(index);
  }
  var v = array<f32, 8>();
  for (var i = 0u; i < 8u; i++) {
    if (k < p.k && col + i < p.n) {
      v[i] = w_at(index + i);
    }
  }
  return pack_eight(vec4f(v[0], v[1], v[2], v[3]), vec4f(v[4], v[5], v[6], v[7]));
}
