// What the generated matrix product (kernels/matrix-gemm.ts) asks of matmul, without the operands: tiles in bands, and
// the epilogue's columns.
// prelude: const BAND: u32, rows of tiles in a band
fn gemm_tiles() -> u32 {
  return p.tiles;
}

// One past the last row of the problem that the tile belongs to.
fn gemm_rows() -> u32 {
  return select(p.split_at, p.m, problem == 1u);
}

// First row of a tile of `rows` rows.
fn first_row(tile: Tile, rows: u32) -> u32 {
  return (tile.row - problem * p.split_tiles) * rows + problem * p.split_at;
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
  let row = band * BAND + place - col * height;
  choose_problem(row);
  return Tile(
    row,
    col,
    p.x_offset + batch * p.x_batch,
    p.w_offset + (batch / p.w_group + problem) * p.w_batch,
    p.out_offset + batch * p.out_batch + problem * p.out_step,
  );
}

fn gemm_column(tile: Tile, col: u32) -> Column {
  return column_at(col);
}
