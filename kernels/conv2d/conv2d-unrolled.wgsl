// conv2d for software drivers that keep arrays of private variables in memory: the same idea as conv2d-taps with the
// registers written out. A lane computes 4 neighbouring pixels by 8 output channels; no barrier.
// prelude: BINDING_*; overrides: LANES, SILU
override LANES: u32 = 4;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let lane_y = lane / p.lanes_x;
  let x0 = (wid.x * p.lanes_x + lane - lane_y * p.lanes_x) * 4u;
  let y0 = wid.y * (LANES / p.lanes_x) + lane_y;
  if (x0 >= p.out_w || y0 >= p.out_rows) {
    return;
  }
  let quads = out_quads();
  let qa = min(wid.z * 2u, quads - 1u);
  let qb = min(wid.z * 2u + 1u, quads - 1u);
  var a0 = vec4f(0.0);
  var a1 = vec4f(0.0);
  var a2 = vec4f(0.0);
  var a3 = vec4f(0.0);
  var b0 = vec4f(0.0);
  var b1 = vec4f(0.0);
  var b2 = vec4f(0.0);
  var b3 = vec4f(0.0);
  for (var ky = 0u; ky < p.kernel; ky++) {
    let y = i32((p.out_row0 + y0) * p.stride + ky) - i32(p.pad);
    if (!inside(y, p.in_h)) {
      continue;
    }
    let row = row_start(stored(y, p.in_h));
    for (var kx = 0u; kx < p.kernel; kx++) {
      let x = i32(x0 * p.stride + kx) - i32(p.pad);
      let step = i32(p.stride);
      let in0 = inside(x, p.in_w);
      let in1 = inside(x + step, p.in_w);
      let in2 = inside(x + 2 * step, p.in_w);
      let in3 = inside(x + 3 * step, p.in_w);
      let base0 = row + stored(x, p.in_w) * p.in_c;
      let base1 = row + stored(x + step, p.in_w) * p.in_c;
      let base2 = row + stored(x + 2 * step, p.in_w) * p.in_c;
      let base3 = row + stored(x + 3 * step, p.in_w) * p.in_c;
      let w = (ky * p.kernel + kx) * p.in_c * quads;
      for (var c = 0u; c < p.in_c; c++) {
        let wa = weight_quad(w + c * quads + qa);
        let wb = weight_quad(w + c * quads + qb);
        let t0 = select(0.0, input[base0 + c], in0);
        let t1 = select(0.0, input[base1 + c], in1);
        let t2 = select(0.0, input[base2 + c], in2);
        let t3 = select(0.0, input[base3 + c], in3);
        a0 += t0 * wa;
        a1 += t1 * wa;
        a2 += t2 * wa;
        a3 += t3 * wa;
        b0 += t0 * wb;
        b1 += t1 * wb;
        b2 += t2 * wb;
        b3 += t3 * wb;
      }
    }
  }
  let start = y0 * p.out_w + x0;
  finish_pixel(x0, start, wid.z, a0, b0);
  finish_pixel(x0 + 1u, start + 1u, wid.z, a1, b1);
  finish_pixel(x0 + 2u, start + 2u, wid.z, a2, b2);
  finish_pixel(x0 + 3u, start + 3u, wid.z, a3, b3);
}

fn finish_pixel(x: u32, pixel: u32, tile: u32, a: vec4f, b: vec4f) {
  if (x < p.out_w) {
    finish(pixel * p.out_c, tile * 2u, a);
    finish(pixel * p.out_c, tile * 2u + 1u, b);
  }
}
