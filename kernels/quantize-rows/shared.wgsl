// Variant `shared`: LANES invocations a row (a power of two from 16 on), ROWS rows a workgroup of 256. x is read once
// and stays in registers: sixteen invocations hold 64 vec4s, invocation l those at l, l + 16, l + 32 and l + 48, so
// that the outermost factor of a rotation lies within one invocation and only the factors of vec4s 1 and 4 apart go
// through workgroup memory. 9 KiB of it; neither subgroups nor f16.
// prelude: const CHUNKS = times that a row's invocations take 4 vec4s each
override ROWS: u32 = 1u;
override LANES: u32 = 256u; // ROWS * LANES = 256
const QUADS = GROUP / 4u;

var<workgroup> stage: array<vec4f, 512>; // two halves, in turn: one barrier an exchange
var<workgroup> partial: array<f32, 256>;
var<private> half: u32 = 0u;

// The factor of order 4 between invocations `stride` apart.
fn across_four(v: vec4f, local: u32, stride: u32) -> vec4f {
  let digit = (local / stride) & 3u;
  let first = half + local - digit * stride;
  stage[half + local] = v;
  workgroupBarrier();
  half = 256u - half;
  let sum = stage[first] + stage[first + stride] + (stage[first + 2u * stride] + stage[first + 3u * stride]);
  return 0.5 * sum - stage[first + (3u - digit) * stride];
}

fn across_two(v: vec4f, local: u32, stride: u32) -> vec4f {
  let digit = (local / stride) & 1u;
  let first = half + local - digit * stride;
  stage[half + local] = v;
  workgroupBarrier();
  half = 256u - half;
  let a = stage[first];
  let b = stage[first + stride];
  return SQRT_HALF * select(a - b, a + b, digit == 0u);
}

// Within the sixteen invocations.
fn across(value: vec4f, local: u32) -> vec4f {
  var v = value;
  if (QUADS >= 4u) {
    v = across_four(v, local, 1u);
  }
  if (QUADS >= 16u) {
    v = across_four(v, local, 4u);
  }
  if (QUADS == 2u) {
    v = across_two(v, local, 1u);
  }
  if (QUADS == 8u) {
    v = across_two(v, local, 4u);
  }
  return v;
}

fn loaded(row: u32, quad: u32) -> vec4f {
  if (row < p.rows && quad < p.quads) {
    return rotated_quad(x_quad(row, quad));
  }
  return vec4f();
}

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = (workgroup.y * grid.x + workgroup.x) * ROWS + local / LANES;
  let lane = local % LANES;
  let start = (lane / 16u) * 64u + lane % 16u;
  var kept = array<vec4f, 4u * CHUNKS>();
  var most = 0.0;
  for (var i = 0u; i < CHUNKS; i++) {
    let quad = start + i * 4u * LANES;
    var a = loaded(row, quad);
    var b = loaded(row, quad + 16u);
    var c = loaded(row, quad + 32u);
    var d = loaded(row, quad + 48u);
    if (QUADS == 64u) {
      let mean = 0.5 * (a + b + (c + d));
      let turned = array<vec4f, 4>(mean - d, mean - c, mean - b, mean - a);
      a = turned[0];
      b = turned[1];
      c = turned[2];
      d = turned[3];
    }
    if (QUADS == 32u) {
      let turned = array<vec4f, 4>(a + b, a - b, c + d, c - d);
      a = SQRT_HALF * turned[0];
      b = SQRT_HALF * turned[1];
      c = SQRT_HALF * turned[2];
      d = SQRT_HALF * turned[3];
    }
    a = across(a, local);
    b = across(b, local);
    c = across(c, local);
    d = across(d, local);
    most = max(most, max(max(largest_of(a), largest_of(b)), max(largest_of(c), largest_of(d))));
    kept[4u * i] = a;
    kept[4u * i + 1u] = b;
    kept[4u * i + 2u] = c;
    kept[4u * i + 3u] = d;
  }
  partial[local] = most;
  workgroupBarrier();
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    if (lane < step) {
      partial[local] = max(partial[local], partial[local + step]);
    }
    workgroupBarrier();
  }
  if (row >= p.rows) {
    return;
  }
  let largest = partial[local - lane];
  let per_unit = codes_per_unit(largest);
  let out = y_word(row);
  for (var i = 0u; i < 4u * CHUNKS; i++) {
    let quad = start + (i / 4u) * 4u * LANES + (i % 4u) * 16u;
    if (quad < p.quads) {
      y[out + quad] = codes_of(kept[i], per_unit);
    }
  }
  if (lane == 0u) {
    scales[row] = row_step(largest);
  }
}
