// matmul for software drivers that keep arrays in memory (SwiftShader): the scheme of matmul-outer.wgsl with 8 rows by
// 8 columns a lane, every accumulator a name of its own. Arrays in loops run at a fifth of this speed there.
//   workgroup = WG lanes; a tile is 8 x 8 WG outputs
// overrides: WG = the subgroup size
override WG: u32 = 4;

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
  let row = tile.row * 8u;
  let col = (tile.col * WG + lane) * 8u;
  // Rows and columns beyond the edge compute their last valid neighbour again: no branch in the loop, no read outside.
  let last_row = p.m - 1u;
  let last_col = ((p.n - 1u) >> 2u) << 2u;
  let col_a = min(col, last_col);
  let col_b = min(col + 4u, last_col);
  let x0 = tile.x + min(row + 0u, last_row) * p.x_stride;
  let x1 = tile.x + min(row + 1u, last_row) * p.x_stride;
  let x2 = tile.x + min(row + 2u, last_row) * p.x_stride;
  let x3 = tile.x + min(row + 3u, last_row) * p.x_stride;
  let x4 = tile.x + min(row + 4u, last_row) * p.x_stride;
  let x5 = tile.x + min(row + 5u, last_row) * p.x_stride;
  let x6 = tile.x + min(row + 6u, last_row) * p.x_stride;
  let x7 = tile.x + min(row + 7u, last_row) * p.x_stride;
  var a0 = vec4f(0.0);
  var b0 = vec4f(0.0);
  var a1 = vec4f(0.0);
  var b1 = vec4f(0.0);
  var a2 = vec4f(0.0);
  var b2 = vec4f(0.0);
  var a3 = vec4f(0.0);
  var b3 = vec4f(0.0);
  var a4 = vec4f(0.0);
  var b4 = vec4f(0.0);
  var a5 = vec4f(0.0);
  var b5 = vec4f(0.0);
  var a6 = vec4f(0.0);
  var b6 = vec4f(0.0);
  var a7 = vec4f(0.0);
  var b7 = vec4f(0.0);
  let whole = p.k & ~3u;
  for (var k = 0u; k < whole; k += 4u) {
    let a = w_square(tile.w, k, col_a);
    let b = w_square(tile.w, k, col_b);
    let v0 = x_quad(x0 + k);
    a0 = fma(vec4f(v0.w), a[3], fma(vec4f(v0.z), a[2], fma(vec4f(v0.y), a[1], fma(vec4f(v0.x), a[0], a0))));
    b0 = fma(vec4f(v0.w), b[3], fma(vec4f(v0.z), b[2], fma(vec4f(v0.y), b[1], fma(vec4f(v0.x), b[0], b0))));
    let v1 = x_quad(x1 + k);
    a1 = fma(vec4f(v1.w), a[3], fma(vec4f(v1.z), a[2], fma(vec4f(v1.y), a[1], fma(vec4f(v1.x), a[0], a1))));
    b1 = fma(vec4f(v1.w), b[3], fma(vec4f(v1.z), b[2], fma(vec4f(v1.y), b[1], fma(vec4f(v1.x), b[0], b1))));
    let v2 = x_quad(x2 + k);
    a2 = fma(vec4f(v2.w), a[3], fma(vec4f(v2.z), a[2], fma(vec4f(v2.y), a[1], fma(vec4f(v2.x), a[0], a2))));
    b2 = fma(vec4f(v2.w), b[3], fma(vec4f(v2.z), b[2], fma(vec4f(v2.y), b[1], fma(vec4f(v2.x), b[0], b2))));
    let v3 = x_quad(x3 + k);
    a3 = fma(vec4f(v3.w), a[3], fma(vec4f(v3.z), a[2], fma(vec4f(v3.y), a[1], fma(vec4f(v3.x), a[0], a3))));
    b3 = fma(vec4f(v3.w), b[3], fma(vec4f(v3.z), b[2], fma(vec4f(v3.y), b[1], fma(vec4f(v3.x), b[0], b3))));
    let v4 = x_quad(x4 + k);
    a4 = fma(vec4f(v4.w), a[3], fma(vec4f(v4.z), a[2], fma(vec4f(v4.y), a[1], fma(vec4f(v4.x), a[0], a4))));
    b4 = fma(vec4f(v4.w), b[3], fma(vec4f(v4.z), b[2], fma(vec4f(v4.y), b[1], fma(vec4f(v4.x), b[0], b4))));
    let v5 = x_quad(x5 + k);
    a5 = fma(vec4f(v5.w), a[3], fma(vec4f(v5.z), a[2], fma(vec4f(v5.y), a[1], fma(vec4f(v5.x), a[0], a5))));
    b5 = fma(vec4f(v5.w), b[3], fma(vec4f(v5.z), b[2], fma(vec4f(v5.y), b[1], fma(vec4f(v5.x), b[0], b5))));
    let v6 = x_quad(x6 + k);
    a6 = fma(vec4f(v6.w), a[3], fma(vec4f(v6.z), a[2], fma(vec4f(v6.y), a[1], fma(vec4f(v6.x), a[0], a6))));
    b6 = fma(vec4f(v6.w), b[3], fma(vec4f(v6.z), b[2], fma(vec4f(v6.y), b[1], fma(vec4f(v6.x), b[0], b6))));
    let v7 = x_quad(x7 + k);
    a7 = fma(vec4f(v7.w), a[3], fma(vec4f(v7.z), a[2], fma(vec4f(v7.y), a[1], fma(vec4f(v7.x), a[0], a7))));
    b7 = fma(vec4f(v7.w), b[3], fma(vec4f(v7.z), b[2], fma(vec4f(v7.y), b[1], fma(vec4f(v7.x), b[0], b7))));
  }
  for (var k = whole; k < p.k; k++) {
    let a = w_row(tile.w, k, col_a);
    let b = w_row(tile.w, k, col_b);
    let v0 = vec4f(x_at(x0 + k));
    a0 = fma(v0, a, a0);
    b0 = fma(v0, b, b0);
    let v1 = vec4f(x_at(x1 + k));
    a1 = fma(v1, a, a1);
    b1 = fma(v1, b, b1);
    let v2 = vec4f(x_at(x2 + k));
    a2 = fma(v2, a, a2);
    b2 = fma(v2, b, b2);
    let v3 = vec4f(x_at(x3 + k));
    a3 = fma(v3, a, a3);
    b3 = fma(v3, b, b3);
    let v4 = vec4f(x_at(x4 + k));
    a4 = fma(v4, a, a4);
    b4 = fma(v4, b, b4);
    let v5 = vec4f(x_at(x5 + k));
    a5 = fma(v5, a, a5);
    b5 = fma(v5, b, b5);
    let v6 = vec4f(x_at(x6 + k));
    a6 = fma(v6, a, a6);
    b6 = fma(v6, b, b6);
    let v7 = vec4f(x_at(x7 + k));
    a7 = fma(v7, a, a7);
    b7 = fma(v7, b, b7);
  }
  let column_a = column_at(col_a);
  let column_b = column_at(col_b);
  finish_pair(tile.out, row + 0u, col, column_a, column_b, a0, b0);
  finish_pair(tile.out, row + 1u, col, column_a, column_b, a1, b1);
  finish_pair(tile.out, row + 2u, col, column_a, column_b, a2, b2);
  finish_pair(tile.out, row + 3u, col, column_a, column_b, a3, b3);
  finish_pair(tile.out, row + 4u, col, column_a, column_b, a4, b4);
  finish_pair(tile.out, row + 5u, col, column_a, column_b, a5, b5);
  finish_pair(tile.out, row + 6u, col, column_a, column_b, a6, b6);
  finish_pair(tile.out, row + 7u, col, column_a, column_b, a7, b7);
}

fn finish_pair(out_base: u32, row: u32, col: u32, column_a: Column, column_b: Column, a: vec4f, b: vec4f) {
  if (row < p.m && col < p.n) {
    finish(out_base, row, column_a, a);
  }
  if (row < p.m && col + 4u < p.n) {
    finish(out_base, row, column_b, b);
  }
}
