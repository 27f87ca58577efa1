// What every conv2d variant shares: Params, the input, padding, and the end of an output element.
//   y[r, x, o] = act(bias[o] + sum_{ky, kx, c} w[ky, kx, c, o] * in[r * stride + ky - pad, x * stride + kx - pad, c])
//     + skip
// in [in_h, in_w, in_c] is read as if each pixel were 2^up_shift pixels wide and high, and as zero outside.
// Rows may be windows of a taller picture: the input holds rows from in_row0 on, the output out_rows from out_row0 on.
struct Params {
  in_h: u32,
  in_w: u32,
  in_c: u32,
  out_rows: u32,
  out_w: u32,
  out_c: u32,
  kernel: u32,
  stride: u32,
  pad: u32,
  up_shift: u32,
  has_residual: u32,
  in_row0: u32,
  in_rows: u32,
  out_row0: u32,
  in_offset: u32,
  residual_offset: u32,
  out_offset: u32,
  tiles_p: u32,
  tiles_o: u32,
  lanes_x: u32,
}
override SILU: bool = false;

@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(BINDING_OUT) var<storage, read_write> output: array<f32>;
@group(0) @binding(BINDING_PARAMS) var<uniform> p: Params;

// Vec4s of output channels that a row of weights has; the last one is padded with zeros.
fn out_quads() -> u32 {
  return (p.out_c + 3u) >> 2u;
}

// Is position i of the (upsampled) axis of `size` stored pixels inside of the picture?
fn inside(i: i32, size: u32) -> bool {
  return i >= 0 && i < i32(size << p.up_shift);
}

// Stored pixel that position i of the upsampled axis shows; the nearest one outside of the picture.
fn stored(i: i32, size: u32) -> u32 {
  return u32(clamp(i, 0, i32(size << p.up_shift) - 1)) >> p.up_shift;
}

// Element of the input where the stored row y of the picture begins. Rows that the window lacks are clamped into it:
// they are only asked for by invocations whose result is not kept.
fn row_start(y: u32) -> u32 {
  return p.in_offset + (clamp(y, p.in_row0, p.in_row0 + p.in_rows - 1u) - p.in_row0) * p.in_w * p.in_c;
}

// Writes the vec4 of output channels `quad` of the pixel whose channels begin at element `start` of the output window.
fn finish(start: u32, quad: u32, sum: vec4f) {
  var y = sum;
  for (var i = 0u; i < 4u; i++) {
    let oc = quad * 4u + i;
    if (oc < p.out_c) {
      y[i] += bias[oc];
    }
  }
  if (SILU) {
    y = y / (1.0 + exp(-y));
  }
  for (var i = 0u; i < 4u; i++) {
    let oc = quad * 4u + i;
    if (oc < p.out_c) {
      output[p.out_offset + start + oc] = y[i] + skip_at(start + oc);
    }
  }
}
