// One scale per output channel of an i8 weight: sum_k x (q s) = s sum_k x q, so one multiplication an output does.
@group(0) @binding(BINDING_SCALES) var<storage, read> scales: array<f32>;

fn column_scale(col: u32) -> vec4f {
  let base = problem * p.n;
  let last = p.n - 1u;
  return p.alpha * vec4f(
    scales[base + col],
    scales[base + min(col + 1u, last)],
    scales[base + min(col + 2u, last)],
    scales[base + min(col + 3u, last)],
  );
}
