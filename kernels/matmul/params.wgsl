// Params of every matmul variant, and what an output tile's number means. Offsets, strides and batch steps count
// elements of the tensor they belong to.
//   y[b, r, c] = epilogue(alpha * sum_k x[b, r, k] * w[b / w_group, c, k])
struct Params {
  m: u32,
  n: u32,
  k: u32,
  tiles_m: u32,
  tiles_n: u32,
  tiles: u32,
  x_offset: u32,
  x_stride: u32,
  x_batch: u32,
  w_offset: u32,
  w_stride: u32,
  w_batch: u32,
  w_group: u32,
  out_offset: u32,
  out_stride: u32,
  out_batch: u32,
  gate_offset: u32,
  gate_stride: u32,
  row_offset: u32,
  alpha: f32,
  x_scale: f32,
  query_heads: u32,
  key_heads: u32,
  head_eps: f32,
  table_offset: u32,
  table_stride: u32,
  split_at: u32,
  split_tiles: u32,
  gate_step: u32,
  out_step: u32,
}
@group(0) @binding(BINDING_PARAMS) var<uniform> p: Params;

struct Tile {
  row: u32,
  col: u32,
  x: u32,
  w: u32,
  out: u32,
}

// Tiles of rows follow each other fastest, so that the workgroups in flight share a panel of columns of w: N fastest
// was 3.9 times slower at 1024^3 on lavapipe. Returned are tile numbers (row, col) and the batch's element offsets.
fn locate_tile(index: u32) -> Tile {
  let panel = index / p.tiles_m;
  let batch = panel / p.tiles_n;
  return Tile(
    index - panel * p.tiles_m,
    panel - batch * p.tiles_n,
    p.x_offset + batch * p.x_batch,
    p.w_offset + (batch / p.w_group) * p.w_batch,
    p.out_offset + batch * p.out_batch,
  );
}
