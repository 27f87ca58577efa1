// What the generated matrix product (kernels/matrix-gemm.ts) asks of matmul: tiles in bands, operands as f16 in units
// of eight, the epilogue of finish.wgsl.
// prelude: const BAND: u32, rows of tiles in a band
fn gemm_tiles() -> u32 {
  return p.tiles;
}

fn gemm_rows() -> u32 {
  return p.m;
}

fn gemm_columns() -> u32 {
  return p.n;
}

fn gemm_depth() -> u32 {
  return p.k;
}

// Bands of BAND rows of tiles, within a band rows fastest: the workgroups in flight share a panel of w, and the band's
// rows of x stay in the cache while the panels pass. The last band may have fewer rows.
fn gemm_tile(index: u32) -> Tile {
  let batch = index / (p.tiles_m * p.tiles_n);
  let rest = index - batch * p.tiles_m * p.tiles_n;
  let band = rest / (BAND * p.tiles_n);
  let place = rest - band * BAND * p.tiles_n;
  let height = min(BAND, p.tiles_m - band * BAND);
  let col = place / height;
  return Tile(
    band * BAND + place - col * height,
    col,
    p.x_offset + batch * p.x_batch,
    p.w_offset + (batch / p.w_group) * p.w_batch,
    p.out_offset + batch * p.out_batch,
  );
}

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

fn gemm_column(tile: Tile, col: u32) -> Column {
  return column_at(col);
}

fn gemm_put(tile: Tile, row: u32, column: Column, sum: vec4f) {
  finish(tile.out, row, column, sum);
}
