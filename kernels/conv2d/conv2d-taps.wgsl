// conv2d for software drivers: a workgroup is one subgroup, and there is no workgroup memory and no barrier.
// A lane computes a patch of PX x PY pixels by OQ vec4s of output channels. Taps of the input are loaded once per lane
// and used by all the pixels of the patch that they reach (each is a gather, lane by lane, on such a driver); weights
// are the same for all lanes, which the driver loads once. Loops have constant bounds, so patches stay in registers.
// prelude: BINDING_*, const PX, PY, OQ, K, STRIDE; overrides: LANES, SILU
override LANES: u32 = 8;
const TX = (PX - 1u) * STRIDE + K;
const TY = (PY - 1u) * STRIDE + K;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lane: u32) {
  // Lanes lie lanes_x wide and LANES / lanes_x high over the picture, so that narrow pictures fill them too.
  let lane_y = lane / p.lanes_x;
  let x0 = (wid.x * p.lanes_x + lane - lane_y * p.lanes_x) * PX;
  let y0 = (wid.y * (LANES / p.lanes_x) + lane_y) * PY;
  if (x0 >= p.out_w || y0 >= p.out_rows) {
    return;
  }
  let quads = out_quads();
  var column = array<u32, TX>();
  var in_x = array<bool, TX>();
  for (var j = 0u; j < TX; j++) {
    let x = i32(x0 * STRIDE + j) - i32(p.pad);
    in_x[j] = inside(x, p.in_w);
    column[j] = stored(x, p.in_w) * p.in_c;
  }
  var row = array<u32, TY>();
  var in_y = array<bool, TY>();
  for (var r = 0u; r < TY; r++) {
    let y = i32((p.out_row0 + y0) * STRIDE + r) - i32(p.pad);
    in_y[r] = inside(y, p.in_h);
    row[r] = row_start(stored(y, p.in_h));
  }
  // The last tile's spare quads repeat the last one: their sums are dropped.
  var quad = array<u32, OQ>();
  for (var o = 0u; o < OQ; o++) {
    quad[o] = min(wid.z * OQ + o, quads - 1u);
  }
  var sum = array<array<array<vec4f, OQ>, PX>, PY>();
  for (var c = 0u; c < p.in_c; c++) {
    var tap = array<array<f32, TX>, TY>();
    for (var r = 0u; r < TY; r++) {
      for (var j = 0u; j < TX; j++) {
        tap[r][j] = select(0.0, input[row[r] + column[j] + c], in_x[j] && in_y[r]);
      }
    }
    for (var o = 0u; o < OQ; o++) {
      var w = array<vec4f, K * K>();
      for (var k = 0u; k < K * K; k++) {
        w[k] = weight_quad((k * p.in_c + c) * quads + quad[o]);
      }
      // A sum is fetched and put back once for all its taps: the driver keeps sums that do not fit registers in memory,
      // and masks every store of a loop. Adding tap by tap instead is 1.4 times slower. A channel's taps are added up
      // on their own: a third of the rounding error of one long sum.
      for (var py = 0u; py < PY; py++) {
        for (var px = 0u; px < PX; px++) {
          var s = vec4f();
          for (var ky = 0u; ky < K; ky++) {
            for (var kx = 0u; kx < K; kx++) {
              s += tap[py * STRIDE + ky][px * STRIDE + kx] * w[ky * K + kx];
            }
          }
          sum[py][px][o] += s;
        }
      }
    }
  }
  for (var py = 0u; py < PY; py++) {
    for (var px = 0u; px < PX; px++) {
      if (y0 + py < p.out_rows && x0 + px < p.out_w) {
        let start = ((y0 + py) * p.out_w + x0 + px) * p.out_c;
        for (var o = 0u; o < OQ; o++) {
          finish(start, wid.z * OQ + o, sum[py][px][o]);
        }
      }
    }
  }
}
