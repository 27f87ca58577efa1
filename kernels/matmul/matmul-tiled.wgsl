// matmul for GPUs without matrix units: a workgroup of 256 computes TILE x TILE outputs. DEPTH elements of K of the
// rows of x and the columns of w at a time lie in workgroup memory, both K-major, so that an invocation reads quads of
// rows and of columns without bank conflicts; the next step is fetched into registers while this one is multiplied.
//   invocation (tx, ty) of 16 x 16 owns QUADS row quads (ty + 16 i) and QUADS column quads (tx + 16 j)
//   stage: invocations 0 to 127 move squares of 4 rows x 4 elements of x, the others squares of w; TILE * DEPTH = 2048
//   makes that exact and the workgroup memory 16 KiB, the floor of WebGPU
// A part says what an element of K is: a value (tiled-f32.wgsl), or a word of four i8 (tiled-dot.wgsl).
// prelude: const TILE: u32 = 64|128; const DEPTH: u32 = 2048 / TILE; const QUADS: u32 = TILE / 64
const SPAN: u32 = TILE / 4u;

var<workgroup> stage_x: array<Quad, SPAN * DEPTH>;
var<workgroup> stage_w: array<Quad, SPAN * DEPTH>;

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
  let row = tile.row * TILE;
  let col = tile.col * TILE;
  let tx = local & 15u;
  let ty = local >> 4u;
  let moves_x = local < 128u;
  let slot = local & 127u;
  // Neighbours take the two halves of one 32-byte sector of f32: full use of each read, at the price of a 2-way
  // conflict on writes.
  let stage_k = 4u * ((slot & 1u) | ((slot / (2u * SPAN)) << 1u));
  let stage_quad = (slot >> 1u) % SPAN;
  let at = stage_k * SPAN + stage_quad;
  // Columns beyond the edge fetch the last valid quad again.
  let valid_col = min(col + 4u * stage_quad, ((p.n - 1u) >> 2u) << 2u);
  let elements = elements_of_k();
  var square = Square();
  if (moves_x) {
    square = x_square(tile.x, row + 4u * stage_quad, stage_k);
  } else {
    square = w_square_guarded(tile.w, stage_k, valid_col);
  }
  var sum = array<array<Sum, QUADS>, 4u * QUADS>();
  for (var k = 0u; k < elements; k += DEPTH) {
    if (moves_x) {
      stage_x[at] = square[0];
      stage_x[at + SPAN] = square[1];
      stage_x[at + 2u * SPAN] = square[2];
      stage_x[at + 3u * SPAN] = square[3];
    } else {
      stage_w[at] = square[0];
      stage_w[at + SPAN] = square[1];
      stage_w[at + 2u * SPAN] = square[2];
      stage_w[at + 3u * SPAN] = square[3];
    }
    workgroupBarrier();
    let next = k + DEPTH;
    if (next < elements) {
      if (moves_x) {
        square = x_square(tile.x, row + 4u * stage_quad, next + stage_k);
      } else {
        square = w_square_guarded(tile.w, next + stage_k, valid_col);
      }
    }
    for (var depth = 0u; depth < DEPTH; depth++) {
      var b = array<Quad, QUADS>();
      for (var j = 0u; j < QUADS; j++) {
        b[j] = stage_w[depth * SPAN + tx + 16u * j];
      }
      for (var i = 0u; i < QUADS; i++) {
        let a = stage_x[depth * SPAN + ty + 16u * i];
        for (var j = 0u; j < QUADS; j++) {
          sum[4u * i][j] = multiply_add(a.x, b[j], sum[4u * i][j]);
          sum[4u * i + 1u][j] = multiply_add(a.y, b[j], sum[4u * i + 1u][j]);
          sum[4u * i + 2u][j] = multiply_add(a.z, b[j], sum[4u * i + 2u][j]);
          sum[4u * i + 3u][j] = multiply_add(a.w, b[j], sum[4u * i + 3u][j]);
        }
      }
    }
    workgroupBarrier();
  }
  for (var j = 0u; j < QUADS; j++) {
    let out_col = col + 4u * tx + 64u * j;
    if (out_col >= p.n) {
      break;
    }
    let column = column_at(out_col);
    for (var i = 0u; i < 4u * QUADS; i++) {
      let out_row = row + 4u * ty + 64u * (i >> 2u) + (i & 3u);
      if (out_row < p.m) {
        finish(tile.out, out_row, column, vec4f(sum[i][j]));
      }
    }
  }
}
