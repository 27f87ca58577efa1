// conv2d for software drivers that keep arrays of private variables in memory: the same idea as conv2d-taps with the
// registers written out. A lane computes 8 neighbouring pixels by 8 output channels, so that of the 16 values that it
// loads for each input channel (lane by lane, on such a driver) each is used 8 times. No barrier.
// prelude: BINDING_*; overrides: LANES, SILU
override LANES: u32 = 4;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  let lane_y = lane / p.lanes_x;
  let x0 = (wid.x * p.lanes_x + lane - lane_y * p.lanes_x) * 8u;
  let y0 = wid.y * (LANES / p.lanes_x) + lane_y;
  if (x0 >= p.out_w || y0 >= p.out_rows) {
    return;
  }
  let quads = out_quads();
  let qa = min(wid.z * 2u, quads - 1u);
  let qb = min(wid.z * 2u + 1u, quads - 1u);
  let step = i32(p.stride);
  var a0 = vec4f(0.0);
  var a1 = vec4f(0.0);
  var a2 = vec4f(0.0);
  var a3 = vec4f(0.0);
  var a4 = vec4f(0.0);
  var a5 = vec4f(0.0);
  var a6 = vec4f(0.0);
  var a7 = vec4f(0.0);
  var b0 = vec4f(0.0);
  var b1 = vec4f(0.0);
  var b2 = vec4f(0.0);
  var b3 = vec4f(0.0);
  var b4 = vec4f(0.0);
  var b5 = vec4f(0.0);
  var b6 = vec4f(0.0);
  var b7 = vec4f(0.0);
  for (var ky = 0u; ky < p.kernel; ky++) {
    let y = i32((p.out_row0 + y0) * p.stride + ky) - i32(p.pad);
    if (!inside(y, p.in_h)) {
      continue;
    }
    let row = row_start(stored(y, p.in_h));
    for (var kx = 0u; kx < p.kernel; kx++) {
      let x = i32(x0 * p.stride + kx) - i32(p.pad);
      let tap0 = locate(row, x);
      let tap1 = locate(row, x + step);
      let tap2 = locate(row, x + 2 * step);
      let tap3 = locate(row, x + 3 * step);
      let tap4 = locate(row, x + 4 * step);
      let tap5 = locate(row, x + 5 * step);
      let tap6 = locate(row, x + 6 * step);
      let tap7 = locate(row, x + 7 * step);
      let w = (ky * p.kernel + kx) * p.in_c * quads;
      for (var c = 0u; c < p.in_c; c++) {
        let wa = weight_quad(w + c * quads + qa);
        let wb = weight_quad(w + c * quads + qb);
        let t0 = select(0.0, input[tap0.start + c], tap0.keep);
        let t1 = select(0.0, input[tap1.start + c], tap1.keep);
        let t2 = select(0.0, input[tap2.start + c], tap2.keep);
        let t3 = select(0.0, input[tap3.start + c], tap3.keep);
        let t4 = select(0.0, input[tap4.start + c], tap4.keep);
        let t5 = select(0.0, input[tap5.start + c], tap5.keep);
        let t6 = select(0.0, input[tap6.start + c], tap6.keep);
        let t7 = select(0.0, input[tap7.start + c], tap7.keep);
        a0 += t0 * wa;
        a1 += t1 * wa;
        a2 += t2 * wa;
        a3 += t3 * wa;
        a4 += t4 * wa;
        a5 += t5 * wa;
        a6 += t6 * wa;
        a7 += t7 * wa;
        b0 += t0 * wb;
        b1 += t1 * wb;
        b2 += t2 * wb;
        b3 += t3 * wb;
        b4 += t4 * wb;
        b5 += t5 * wb;
        b6 += t6 * wb;
        b7 += t7 * wb;
      }
    }
  }
  let start = y0 * p.out_w + x0;
  finish_pixel(x0, start, wid.z, a0, b0);
  finish_pixel(x0 + 1u, start + 1u, wid.z, a1, b1);
  finish_pixel(x0 + 2u, start + 2u, wid.z, a2, b2);
  finish_pixel(x0 + 3u, start + 3u, wid.z, a3, b3);
  finish_pixel(x0 + 4u, start + 4u, wid.z, a4, b4);
  finish_pixel(x0 + 5u, start + 5u, wid.z, a5, b5);
  finish_pixel(x0 + 6u, start + 6u, wid.z, a6, b6);
  finish_pixel(x0 + 7u, start + 7u, wid.z, a7, b7);
}

struct Tap {
  start: u32,
  keep: bool,
}

// Where the channels of the stored pixel at column x of a row begin, and whether that lies inside of the picture.
fn locate(row: u32, x: i32) -> Tap {
  return Tap(row + stored(x, p.in_w) * p.in_c, inside(x, p.in_w));
}

fn finish_pixel(x: u32, pixel: u32, tile: u32, a: vec4f, b: vec4f) {
  if (x < p.out_w) {
    finish(pixel * p.out_c, tile * 2u, a);
    finish(pixel * p.out_c, tile * 2u + 1u, b);
  }
}
