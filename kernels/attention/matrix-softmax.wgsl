// Everything of attention on a matrix unit that is no matrix: addresses, staging of Q as f16, softmax. The scores that
// the generated text leaves at SCORES are multiplied by log2(e) scale here, so that weights are powers of two.
// prelude: ROWS, KEYS, INVOCATIONS, PER_ROW (invocations a row), WIDTH (padded head), strides and bases in vec4<u32>;
// parts: problem, an access, key_exists, block_of and write_lse from the planner
const LOG2E: f32 = 1.4426950408889634;
const RISE: f32 = 8.0;      // binades that a row's maximum may grow by before its reference follows
const HEADROOM: f32 = 10.0; // binades of weights above 1 that the static bound leaves room for
const MOST: f32 = 32768.0;  // a weight beyond it: the static bound was none
const LEAST: f32 = 0.0625;  // a sum below it: the static bound was too loose for f16's range
const UNITS: u32 = WIDTH / 8u;

var<workgroup> stage: array<vec4u, STAGE_SIZE>;
var<workgroup> partial: array<f32, INVOCATIONS>;
// What a row's outputs are to be multiplied by: at a rise of its reference, and at the end.
var<workgroup> row_factor: array<f32, ROWS>;
var<workgroup> grew: atomic<u32>;
var<workgroup> again: atomic<u32>;

// What a workgroup does: nothing in it differs by invocation, so that loops over it are uniform.
struct Work {
  head: u32,
  q_first: u32,
  q_end: u32,
  key_first: u32,
  key_end: u32,
  q_head: u32,
  k_head: u32,
  v_head: u32,
}

// The row whose softmax an invocation shares: its number in the workgroup, in q, and the end of the keys that it sees.
struct Row {
  number: u32,
  row: u32,
  seen: u32,
  part: u32,
}

// Softmax of an invocation's row: its reference (in binades) and the sum and maximum of the weights that it made.
struct State {
  reference: f32,
  weight: f32,
  most: f32,
}

fn locate(task: u32) -> Work {
  let head = task / p.row_tiles;
  let block = block_of(task % p.row_tiles);
  let last = min(block.q_first + ROWS, block.q_end) - 1u;
  return Work(
    head,
    block.q_first,
    block.q_end,
    block.key_first,
    min(block.key_end, keys_before(last)),
    p.q_offset + head * p.head_step,
    p.k_offset + (head / p.group) * p.head_step,
    p.v_offset + (head / p.group) * p.head_step,
  );
}

// Rows past the end repeat the last one.
fn row_of(work: Work, local: u32) -> Row {
  let number = local / PER_ROW;
  let row = min(work.q_first + number, work.q_end - 1u);
  return Row(number, row, min(work.key_end, keys_before(row)), local % PER_ROW);
}

fn pack_eight(a: vec4f, b: vec4f) -> vec4u {
  return vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));
}

// vec4 number i of a head whose padding reads as zeros.
fn padded(i: u32, value: vec4f) -> vec4f {
  return select(vec4f(), value, i < p.vecs);
}

fn stage_queries(work: Work, local: u32) {
  for (var u = local; u < ROWS * UNITS; u += INVOCATIONS) {
    let r = u / UNITS;
    let i = 2u * (u % UNITS);
    let at = work.q_head + min(work.q_first + r, work.q_end - 1u) * p.q_stride;
    let last = p.vecs - 1u;
    stage[r * TILE_STRIDE + u % UNITS] = pack_eight(
      padded(i, load_q(at, min(i, last))),
      padded(i + 1u, load_q(at, min(i + 1u, last))),
    );
  }
}

// Before the first key, where the row's maximum is looked for.
fn begin_online() -> State {
  return State(HIDDEN, 0.0, 0.0);
}

// Before the first key, with a bound on the keys' lengths: |q| key_norm bounds the row's scores.
fn begin_static(work: Work, mine: Row) -> State {
  var square = 0.0;
  for (var i = 0u; i < p.vecs; i++) {
    let v = load_q(work.q_head + mine.row * p.q_stride, i);
    square += dot(v, v);
  }
  return State(LOG2E * abs(p.scale) * sqrt(square) * p.key_norm - HEADROOM, 0.0, 0.0);
}

// Four scores of a row in binades, from key j + 4 quad on; HIDDEN where the row may not see the key.
fn score_quad(mine: Row, j: u32, quad: u32) -> vec4f {
  let key = vec4u(j + 4u * quad) + vec4u(0u, 1u, 2u, 3u);
  let score = LOG2E * p.scale * bitcast<vec4f>(stage[SCORES + mine.number * SCORE_STRIDE + quad]);
  let exists = vec4<bool>(key_exists(key.x), key_exists(key.y), key_exists(key.z), key_exists(key.w));
  return select(vec4f(HIDDEN), score, exists & (key < vec4u(mine.seen)));
}

fn weights_of(score: vec4f, reference: f32) -> vec4f {
  return select(vec4f(), exp2(score - reference), score > vec4f(0.5 * HIDDEN));
}

// Turns the step's scores of an invocation's share of its row into weights. All invocations of a row find the same
// maximum themselves: cheaper than a barrier.
fn weigh(mine: Row, before: State, j: u32, online: bool) -> State {
  var state = before;
  if (online) {
    var top = vec4f(HIDDEN);
    for (var quad = 0u; quad < KEYS / 4u; quad++) {
      top = max(top, score_quad(mine, j, quad));
    }
    let most = max(max(top.x, top.y), max(top.z, top.w));
    var factor = 1.0;
    if (most > state.reference + RISE) {
      if (state.reference > 0.5 * HIDDEN) {
        factor = exp2(state.reference - most);
        atomicStore(&grew, 1u);
      }
      state.reference = most;
    }
    state.weight *= factor;
    if (mine.part == 0u) {
      row_factor[mine.number] = factor;
    }
  }
  for (var u = 0u; u < KEYS / PER_ROW / 8u; u++) {
    let unit = mine.part * (KEYS / PER_ROW / 8u) + u;
    let a = weights_of(score_quad(mine, j, 2u * unit), state.reference);
    let b = weights_of(score_quad(mine, j, 2u * unit + 1u), state.reference);
    state.weight += dot(a, vec4f(1.0)) + dot(b, vec4f(1.0));
    let most = max(a, b);
    state.most = max(state.most, max(max(most.x, most.y), max(most.z, most.w)));
    stage[WEIGHTS + mine.number * WEIGHT_STRIDE + unit] = pack_eight(a, b);
  }
  return state;
}

fn row_total(row: u32) -> f32 {
  var total = 0.0;
  for (var i = 0u; i < PER_ROW; i++) {
    total += partial[row * PER_ROW + i];
  }
  return total;
}

// A row that saw no key gives zeros.
fn end_row(work: Work, mine: Row, state: State, total: f32) {
  if (mine.part != 0u) {
    return;
  }
  row_factor[mine.number] = select(0.0, 1.0 / (total * p.v_scale), total > 0.0);
  if (work.q_first + mine.number < work.q_end) {
    write_lse(work.head, mine.row, select(HIDDEN, (state.reference + log2(total)) / LOG2E, total > 0.0));
  }
}

fn write_out(work: Work, row: u32, i: u32, value: vec4f) {
  if (work.q_first + row < work.q_end && i < p.vecs) {
    let at = p.out_offset + (work.q_first + row) * p.out_stride + work.head * p.head_step;
    store_out(at, i, row_factor[row] * value);
  }
}
