// matmul of i8 by i8 for GPUs without matrix units: as matmul-tiled, with words of four codes in place of values. A
// workgroup of 256 computes TILE x TILE outputs; DEPTH words of each row of x and of w at a time lie in workgroup
// memory, word by word, so that an invocation reads the words of four rows or columns as one vec4u; the next step's are
// fetched into registers while this one is multiplied.
//   invocation (tx, ty) of 16 x 16 owns QUADS row quads (ty + 16 i) and QUADS column quads (tx + 16 j)
//   stage: invocations 0 to 127 move squares of 4 rows x 4 words of x, the others of w: 16 KiB in all
// prelude: const TILE: u32 = 64|128; const DEPTH: u32 = 2048 / TILE; const QUADS: u32 = TILE / 64
const SPAN: u32 = TILE / 4u;

var<workgroup> stage_x: array<vec4u, SPAN * DEPTH>;
var<workgroup> stage_w: array<vec4u, SPAN * DEPTH>;

// Word `word` of rows row to row + 3 of x; zeros beyond K, the last row again beyond M.
fn x_words(base: u32, row: u32, word: u32) -> vec4u {
  if (word >= words_of_k()) {
    return vec4u();
  }
  let rows = vec4u(base) + min(vec4u(row, row + 1u, row + 2u, row + 3u), vec4u(p.m - 1u)) * p.x_stride;
  return vec4u(x_word(rows.x, word), x_word(rows.y, word), x_word(rows.z, word), x_word(rows.w, word));
}

// The same of columns of w.
fn w_words_guarded(base: u32, col: u32, word: u32) -> vec4u {
  if (word >= words_of_k()) {
    return vec4u();
  }
  return w_words(base, word, min(col, ((p.n - 1u) >> 2u) << 2u));
}

struct Square {
  a: vec4u,
  b: vec4u,
  c: vec4u,
  d: vec4u,
}

fn square_at(moves_x: bool, tile: Tile, line: u32, word: u32) -> Square {
  if (moves_x) {
    return Square(
      x_words(tile.x, line, word),
      x_words(tile.x, line, word + 1u),
      x_words(tile.x, line, word + 2u),
      x_words(tile.x, line, word + 3u),
    );
  }
  return Square(
    w_words_guarded(tile.w, line, word),
    w_words_guarded(tile.w, line, word + 1u),
    w_words_guarded(tile.w, line, word + 2u),
    w_words_guarded(tile.w, line, word + 3u),
  );
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
  let stage_word = 4u * ((slot & 1u) | ((slot / (2u * SPAN)) << 1u));
  let stage_quad = (slot >> 1u) % SPAN;
  let at = stage_word * SPAN + stage_quad;
  let line = select(col, row, moves_x) + 4u * stage_quad;
  let words = words_of_k();
  var square = square_at(moves_x, tile, line, stage_word);
  var sum = array<array<vec4i, QUADS>, 4u * QUADS>();
  for (var word = 0u; word < words; word += DEPTH) {
    if (moves_x) {
      stage_x[at] = square.a;
      stage_x[at + SPAN] = square.b;
      stage_x[at + 2u * SPAN] = square.c;
      stage_x[at + 3u * SPAN] = square.d;
    } else {
      stage_w[at] = square.a;
      stage_w[at + SPAN] = square.b;
      stage_w[at + 2u * SPAN] = square.c;
      stage_w[at + 3u * SPAN] = square.d;
    }
    workgroupBarrier();
    let next = word + DEPTH;
    if (next < words) {
      square = square_at(moves_x, tile, line, next + stage_word);
    }
    for (var depth = 0u; depth < DEPTH; depth++) {
      var b = array<vec4u, QUADS>();
      for (var j = 0u; j < QUADS; j++) {
        b[j] = stage_w[depth * SPAN + tx + 16u * j];
      }
      for (var i = 0u; i < QUADS; i++) {
        let a = stage_x[depth * SPAN + ty + 16u * i];
        for (var j = 0u; j < QUADS; j++) {
          sum[4u * i][j] += dots(a.x, b[j]);
          sum[4u * i + 1u][j] += dots(a.y, b[j]);
          sum[4u * i + 2u][j] += dots(a.z, b[j]);
          sum[4u * i + 3u][j] += dots(a.w, b[j]);
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
