// conv2d, readable form: one invocation computes one vec4 of output channels of one pixel.
// prelude: BINDING_*; override: WG
override WG: u32 = 64;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let quads = out_quads();
  let index = (wid.y * groups.x + wid.x) * WG + lane;
  if (index >= p.out_rows * p.out_w * quads) {
    return;
  }
  let pixel = index / quads;
  let quad = index - pixel * quads;
  let row = pixel / p.out_w;
  let y0 = i32((p.out_row0 + row) * p.stride) - i32(p.pad);
  let x0 = i32((pixel - row * p.out_w) * p.stride) - i32(p.pad);
  var sum = vec4f(0.0);
  for (var ky = 0u; ky < p.kernel; ky++) {
    for (var kx = 0u; kx < p.kernel; kx++) {
      let y = y0 + i32(ky);
      let x = x0 + i32(kx);
      if (inside(y, p.in_h) && inside(x, p.in_w)) {
        let base = row_start(stored(y, p.in_h)) + stored(x, p.in_w) * p.in_c;
        let w = (ky * p.kernel + kx) * p.in_c * quads + quad;
        for (var c = 0u; c < p.in_c; c++) {
          sum += input[base + c] * weight_quad(w + c * quads);
        }
      }
    }
  }
  finish(pixel * p.out_c, quad, sum);
}
