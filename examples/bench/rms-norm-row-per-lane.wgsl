// y[r] = x[r] / sqrt(mean(x[r]^2) + eps) * weight, an invocation a row, four elements at a time.
// Bindings and Params are those of layerloom's own kernel, so its plan's operands can be taken over as they are.
struct Params {
  rows: u32, cols: u32, x_offset: u32, x_stride: u32,
  y_offset: u32, y_stride: u32, count: f32, eps: f32,
}
@group(0) @binding(0) var<storage, read> x: array<vec4f>;
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;
override WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= p.rows) {
    return;
  }
  let x_row = p.x_offset + row * p.x_stride;
  let y_row = p.y_offset + row * p.y_stride;
  var squares = vec4f(0.0);
  for (var c = 0u; c < p.cols; c++) {
    let v = x[x_row + c];
    squares += v * v;
  }
  let mean = (squares.x + squares.y + squares.z + squares.w) / p.count;
  let scale = 1.0 / sqrt(mean + p.eps);
  for (var c = 0u; c < p.cols; c++) {
    y[y_row + c] = x[x_row + c] * scale * weight[c];
  }
}
