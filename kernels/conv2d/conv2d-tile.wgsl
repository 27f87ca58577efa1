// conv2d as implicit matrix product for GPUs of the floor tier: out[pixels, out_c] = sum over taps of
// in_shifted[pixels, in_c] * w[tap][in_c, out_c]. A workgroup of 16 x 16 computes a tile of 128 pixels (in reading
// order, so tiles may span rows) by 64 output channels; an invocation 8 pixels by one vec4 of channels. Chunks of 16
// input channels of both operands are staged in workgroup memory (12.1 KiB); the staging hop computes the shifted
// addresses and the zeros of the padding.
// prelude: BINDING_*
const TILE_P = 128u;
const TILE_Q = 16u; // vec4s of output channels
const CHUNK = 16u;
const PITCH = 129u; // odd, so that neighbouring channels of a pixel lie in different banks

var<workgroup> taps: array<f32, CHUNK * PITCH>;
var<workgroup> weights: array<vec4f, CHUNK * TILE_Q>;

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) lid: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = wid.y * groups.x + wid.x;
  if (tile >= p.tiles_p * p.tiles_o) {
    return;
  }
  let tile_p = tile % p.tiles_p;
  let quads = out_quads();
  let pixels = p.out_rows * p.out_w;
  let load_c = lane & 15u;
  let quad = (tile / p.tiles_p) * TILE_Q + lid.x;

  // Top-left tap of each of the 8 pixels that this invocation stages; spare pixels of the last tile repeat its last.
  var top = array<i32, 8>();
  var left = array<i32, 8>();
  for (var i = 0u; i < 8u; i++) {
    let pixel = min(tile_p * TILE_P + (lane >> 4u) + 16u * i, pixels - 1u);
    let row = pixel / p.out_w;
    top[i] = i32((p.out_row0 + row) * p.stride) - i32(p.pad);
    left[i] = i32((pixel - row * p.out_w) * p.stride) - i32(p.pad);
  }
  var sum = array<vec4f, 8>();
  for (var tap = 0u; tap < p.kernel * p.kernel; tap++) {
    let ky = i32(tap / p.kernel);
    let kx = i32(tap % p.kernel);
    for (var c0 = 0u; c0 < p.in_c; c0 += CHUNK) {
      let c = c0 + load_c;
      for (var i = 0u; i < 8u; i++) {
        let y = top[i] + ky;
        let x = left[i] + kx;
        var value = 0.0;
        if (c < p.in_c && inside(y, p.in_h) && inside(x, p.in_w)) {
          value = input[row_start(stored(y, p.in_h)) + stored(x, p.in_w) * p.in_c + c];
        }
        taps[load_c * PITCH + (lane >> 4u) + 16u * i] = value;
      }
      var w = vec4f(0.0);
      if (c0 + lid.y < p.in_c && quad < quads) {
        w = weight_quad((tap * p.in_c + c0 + lid.y) * quads + quad);
      }
      weights[lid.y * TILE_Q + lid.x] = w;
      workgroupBarrier();
      for (var k = 0u; k < CHUNK; k++) {
        let wk = weights[k * TILE_Q + lid.x];
        for (var i = 0u; i < 8u; i++) {
          sum[i] += taps[k * PITCH + lid.y * 8u + i] * wk;
        }
      }
      workgroupBarrier();
    }
  }
  for (var i = 0u; i < 8u; i++) {
    let pixel = tile_p * TILE_P + lid.y * 8u + i;
    if (pixel < pixels) {
      finish(pixel * p.out_c, quad, sum[i]);
    }
  }
}
