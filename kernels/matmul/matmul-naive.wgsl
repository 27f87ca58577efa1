// matmul, the readable version: one invocation computes four neighbouring output columns of one row, straight from the
// formula in params.wgsl. Any shape, any device; kept as the yardstick of the other variants.
//   workgroup = 16 rows x 4 quads of columns, so a tile is 16 x 16 outputs
@compute @workgroup_size(4, 16)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_id) local: vec3u,
) {
  let index = workgroup.y * grid.x + workgroup.x;
  if (index >= p.tiles) {
    return;
  }
  let tile = locate_tile(index);
  let row = tile.row * 16u + local.y;
  let col = tile.col * 16u + local.x * 4u;
  if (row >= p.m || col >= p.n) {
    return;
  }
  var sum = vec4f(0.0);
  for (var k = 0u; k < p.k; k++) {
    sum += x_at(tile.x + row * p.x_stride + k) * w_row(tile.w, k, col);
  }
  finish(tile.out, row, column_at(col), sum);
}
