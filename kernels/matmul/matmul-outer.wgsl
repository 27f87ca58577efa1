// matmul for software drivers that like loops over arrays (lavapipe): workgroup = subgroup, and each lane accumulates
// the outer products of ROWS rows by 4 columns. No workgroup memory and no barrier: on a CPU both are copies. The rows
// of x are the same for all lanes, so the driver loads them once and broadcasts. What differs by lane (w) costs a
// gather per component however it is stored, so w is kept long in use: 32 x 4 ran 1.45 times as fast per CPU second as
// 8 x 8 (512^3, Mesa 26.1.6), and torch's [N, K] order as fast as [K, N]. Beyond 32 rows the driver no longer unrolls
// the loops, and the speed drops to a sixth.
//   workgroup = WG lanes; a tile is ROWS x 4 WG outputs
// A part does the products: of values (outer-f32.wgsl), or of words of four i8 (outer-dot.wgsl).
// overrides: WG = the subgroup size
override WG: u32 = 8;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = workgroup.y * grid.x + workgroup.x;
  if (index >= p.tiles) {
    return;
  }
  let tile = locate_tile(index);
  let row = tile.row * ROWS;
  let col = (tile.col * WG + lane) * 4u;
  // Rows and columns beyond the edge compute their last valid neighbour again: no branch in the loop, no read outside.
  let valid_col = min(col, ((p.n - 1u) >> 2u) << 2u);
  var base = array<u32, ROWS>();
  for (var i = 0u; i < ROWS; i++) {
    base[i] = tile.x + min(row + i, p.m - 1u) * p.x_stride;
  }
  var sum = array<Sum, ROWS>();
  add_products(&base, tile.w, valid_col, &sum);
  if (col < p.n) {
    let column = column_at(col);
    for (var i = 0u; i < ROWS; i++) {
      if (row + i < p.m) {
        finish(tile.out, row + i, column, vec4f(sum[i]));
      }
    }
  }
}
