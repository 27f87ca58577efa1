// matmul of i8 by i8 for software drivers: as matmul-outer, but a step is four codes at once and sums are i32.
//   workgroup = WG lanes; a tile is ROWS x 4 WG outputs
// prelude: const ROWS: u32; overrides: WG = the subgroup size
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
  // Rows and columns beyond the edge compute a valid neighbour again: no branch in the loop, no read outside.
  let valid_col = min(col, ((p.n - 1u) >> 2u) << 2u);
  var base = array<u32, ROWS>();
  for (var i = 0u; i < ROWS; i++) {
    base[i] = tile.x + min(row + i, p.m - 1u) * p.x_stride;
  }
  var sum = array<vec4i, ROWS>();
  let words = words_of_k();
  for (var word = 0u; word < words; word++) {
    let b = w_words(tile.w, word, valid_col);
    for (var i = 0u; i < ROWS; i++) {
      sum[i] += dots(x_word(base[i], word), b);
    }
  }
  if (col < p.n) {
    let column = column_at(col);
    for (var i = 0u; i < ROWS; i++) {
      if (row + i < p.m) {
        finish(tile.out, row + i, column, vec4f(sum[i]));
      }
    }
  }
}
