// Variant `lane`: an invocation a row, a group at a time in its own memory, and each group rotated twice: once for the
// largest value of the row, once for the codes. No barriers, no workgroup memory: for software drivers, and any device.
override WG: u32 = 8u;
const BLOCK = max(GROUP / 4u, 1u);
var<private> block: array<vec4f, BLOCK> = array<vec4f, BLOCK>();

fn load_rotated(row: u32, first: u32) {
  for (var i = 0u; i < BLOCK; i++) {
    block[i] = rotated_quad(x_quad(row, first + i));
  }
  var stride = 1u;
  for (; 4u * stride <= BLOCK; stride *= 4u) {
    for (var i = 0u; i < BLOCK / 4u; i++) {
      let at = (i / stride) * 4u * stride + i % stride;
      let a = block[at];
      let b = block[at + stride];
      let c = block[at + 2u * stride];
      let d = block[at + 3u * stride];
      let half = 0.5 * (a + b + (c + d));
      block[at] = half - d;
      block[at + stride] = half - c;
      block[at + 2u * stride] = half - b;
      block[at + 3u * stride] = half - a;
    }
  }
  if (stride < BLOCK) {
    for (var i = 0u; i < stride; i++) {
      let a = block[i];
      let b = block[i + stride];
      block[i] = SQRT_HALF * (a + b);
      block[i + stride] = SQRT_HALF * (a - b);
    }
  }
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let row = (workgroup.y * grid.x + workgroup.x) * WG + local;
  if (row >= p.rows) {
    return;
  }
  var most = 0.0;
  for (var first = 0u; first < p.quads; first += BLOCK) {
    load_rotated(row, first);
    for (var i = 0u; i < BLOCK; i++) {
      most = max(most, largest_of(block[i]));
    }
  }
  let per_unit = codes_per_unit(most);
  let out = y_word(row);
  for (var first = 0u; first < p.quads; first += BLOCK) {
    load_rotated(row, first);
    for (var i = 0u; i < BLOCK; i++) {
      y[out + first + i] = codes_of(block[i], per_unit);
    }
  }
  scales[row] = row_step(most);
}
