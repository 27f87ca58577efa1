// The input is normalised as it is staged: times its pixel's factor and its channel's gamma, then SiLU where asked.
// Zeros stay zeros, so padding is that of the normalised picture.
// prelude: BINDING_FACTORS, BINDING_GAMMA; override NORM_SILU
override NORM_SILU: bool = false;
@group(0) @binding(BINDING_FACTORS) var<storage, read> factors: array<f32>;
@group(0) @binding(BINDING_GAMMA) var<storage, read> gamma: array<f32>;

// Eight channels from `channel` on of stored pixel `pixel` of the input's window.
fn prepare(v: array<vec4f, 2>, pixel: u32, channel: u32) -> array<vec4f, 2> {
  let factor = factors[pixel];
  let last = p.in_c - 1u;
  var y = v;
  for (var i = 0u; i < 2u; i++) {
    let c = channel + 4u * i;
    let g = vec4f(
      gamma[min(c, last)],
      gamma[min(c + 1u, last)],
      gamma[min(c + 2u, last)],
      gamma[min(c + 3u, last)],
    );
    y[i] = v[i] * factor * g;
    if (NORM_SILU) {
      y[i] = y[i] / (1.0 + exp(-y[i]));
    }
  }
  return y;
}
