// matmul of up to 4 rows with w in [N, K] order, for GPUs: reading w once is all the work, so 32 invocations share one
// output column, read its row of w in neighbouring quads, and add up through workgroup memory.
//   workgroup = 8 columns x 32 invocations; a tile is 4 x 8 outputs; lane i of `sum` is row i
var<workgroup> partial: array<vec4f, 256>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = workgroup.y * grid.x + workgroup.x;
  if (index >= p.tiles) {
    return;
  }
  let tile = locate_tile(index);
  let col = tile.col * 8u;
  let row = tile.row * 4u;
  let lane = local & 31u;
  let last = p.m - 1u;
  let r0 = tile.x + min(row, last) * p.x_stride;
  let r1 = tile.x + min(row + 1u, last) * p.x_stride;
  let r2 = tile.x + min(row + 2u, last) * p.x_stride;
  let r3 = tile.x + min(row + 3u, last) * p.x_stride;
  let w_base = tile.w + min(col + (local >> 5u), p.n - 1u) * p.w_stride;
  let whole = p.k & ~3u;
  var sum = vec4f(0.0);
  for (var k = 4u * lane; k < whole; k += 128u) {
    let v = w_quad(w_base + k);
    sum += vec4f(dot(x_quad(r0 + k), v), dot(x_quad(r1 + k), v), dot(x_quad(r2 + k), v), dot(x_quad(r3 + k), v));
  }
  for (var k = whole + lane; k < p.k; k += 32u) {
    sum += vec4f(x_at(r0 + k), x_at(r1 + k), x_at(r2 + k), x_at(r3 + k)) * w_at(w_base + k);
  }
  partial[local] = sum;
  workgroupBarrier();
  for (var step = 16u; step > 0u; step >>= 1u) {
    if (lane < step) {
      partial[local] += partial[local + step];
    }
    workgroupBarrier();
  }
  // Eight invocations finish: four rows by two quads of columns.
  let out_row = row + (local >> 1u);
  let quad = (local & 1u) * 4u;
  if (local < 8u && out_row < p.m && col + quad < p.n) {
    let part = local >> 1u;
    finish(tile.out, out_row, column_at(col + quad), vec4f(
      partial[32u * quad][part],
      partial[32u * quad + 32u][part],
      partial[32u * quad + 64u][part],
      partial[32u * quad + 96u][part],
    ));
  }
}
