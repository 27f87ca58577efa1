// matmul for GPUs without matrix units: a workgroup of 256 computes TILE x TILE outputs. DEPTH columns of x and rows
// of w at a time lie in workgroup memory, both K-major, so that an invocation reads vec4s of rows and of columns
// without bank conflicts; the next step's values are fetched into registers while this one is multiplied.
//   invocation (tx, ty) of 16 x 16 owns QUADS row quads (ty + 16 i) and QUADS column quads (tx + 16 j)
//   stage: invocations 0 to 127 move 4 x 4 squares of x, the others squares of w; TILE * DEPTH = 2048 makes that exact
//   and the workgroup memory 16 KiB, the floor of WebGPU
// prelude: const TILE: u32 = 64|128; const DEPTH: u32 = 2048 / TILE; const QUADS: u32 = TILE / 64
const SPAN: u32 = TILE / 4u;

var<workgroup> stage_x: array<vec4f, SPAN * DEPTH>;
var<workgroup> stage_w: array<vec4f, SPAN * DEPTH>;

// [i] = rows row to row + 3 of x at k + i; zero beyond K, the last row again beyond M.
fn x_square(base: u32, row: u32, k: u32) -> mat4x4f {
  let last = p.m - 1u;
  let rows = vec4u(base) + min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(last)) * p.x_stride;
  if (k + 4u <= p.k) {
    return transpose(mat4x4f(x_quad(rows.x + k), x_quad(rows.y + k), x_quad(rows.z + k), x_quad(rows.w + k)));
  }
  return mat4x4f(x_edge(rows, k), x_edge(rows, k + 1u), x_edge(rows, k + 2u), x_edge(rows, k + 3u));
}

fn x_edge(rows: vec4u, k: u32) -> vec4f {
  if (k >= p.k) {
    return vec4f(0.0);
  }
  return vec4f(x_at(rows.x + k), x_at(rows.y + k), x_at(rows.z + k), x_at(rows.w + k));
}

// [i] = columns col to col + 3 of w at k + i; zero beyond K, the last quad again beyond N.
fn w_square_guarded(base: u32, k: u32, col: u32) -> mat4x4f {
  let valid_col = min(col, ((p.n - 1u) >> 2u) << 2u);
  if (k + 4u <= p.k) {
    return w_square(base, k, valid_col);
  }
  return mat4x4f(
    w_edge(base, k, valid_col),
    w_edge(base, k + 1u, valid_col),
    w_edge(base, k + 2u, valid_col),
    w_edge(base, k + 3u, valid_col),
  );
}

fn w_edge(base: u32, k: u32, col: u32) -> vec4f {
  if (k >= p.k) {
    return vec4f(0.0);
  }
  return w_row(base, k, col);
}

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
  // Neighbours take the two halves of one 32-byte sector: full use of each read, at the price of a 2-way conflict on
  // writes.
  let stage_k = 4u * ((slot & 1u) | ((slot / (2u * SPAN)) << 1u));
  let stage_quad = (slot >> 1u) % SPAN;
  let at = stage_k * SPAN + stage_quad;
  var square = mat4x4f();
  if (moves_x) {
    square = x_square(tile.x, row + 4u * stage_quad, stage_k);
  } else {
    square = w_square_guarded(tile.w, stage_k, col + 4u * stage_quad);
  }
  var sum = array<array<vec4f, QUADS>, 4u * QUADS>();
  for (var k = 0u; k < p.k; k += DEPTH) {
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
    if (next < p.k) {
      if (moves_x) {
        square = x_square(tile.x, row + 4u * stage_quad, next + stage_k);
      } else {
        square = w_square_guarded(tile.w, next + stage_k, col + 4u * stage_quad);
      }
    }
    for (var depth = 0u; depth < DEPTH; depth++) {
      var b = array<vec4f, QUADS>();
      for (var j = 0u; j < QUADS; j++) {
        b[j] = stage_w[depth * SPAN + tx + 16u * j];
      }
      for (var i = 0u; i < QUADS; i++) {
        let a = stage_x[depth * SPAN + ty + 16u * i];
        for (var j = 0u; j < QUADS; j++) {
          sum[4u * i][j] = fma(vec4f(a.x), b[j], sum[4u * i][j]);
          sum[4u * i + 1u][j] = fma(vec4f(a.y), b[j], sum[4u * i + 1u][j]);
          sum[4u * i + 2u][j] = fma(vec4f(a.z), b[j], sum[4u * i + 2u][j]);
          sum[4u * i + 3u][j] = fma(vec4f(a.w), b[j], sum[4u * i + 3u][j]);
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
        finish(tile.out, out_row, column, sum[i][j]);
      }
    }
  }
}
