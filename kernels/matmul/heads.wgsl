// The end of a product whose columns are heads of queries, keys and values (kernels/matrix-heads.ts):
//   queries and keys: h = RMSNorm(h) * norms[kind], then each pair of h turned by its token's angle; values: stay
//   norms f32 [2, dim] of each problem: of queries, of keys; cosines, sines f32: dim / 2 for each row of the product
//   pairs: (2k, 2k + 1), or (k, k + dim / 2) where HEAD_HALF; (a, b) -> (a cos - b sin, a sin + b cos)
// prelude: const HEAD_DIM: u32, const HEAD_HALF: bool
@group(0) @binding(BINDING_NORMS) var<storage, read> norms: array<f32>;
@group(0) @binding(BINDING_COSINES) var<storage, read> cosines: array<f32>;
@group(0) @binding(BINDING_SINES) var<storage, read> sines: array<f32>;

fn head_value(row: u32, column: Column, sum: vec4f) -> vec4f {
  return finished(row, column, sum);
}

// A head's weights from element `at` on.
fn norm_at(at: u32) -> vec4f {
  return vec4f(norms[at], norms[at + 1u], norms[at + 2u], norms[at + 3u]);
}

fn head_put(tile: Tile, row: u32, col: u32, value: vec4f, partner: vec4f, squares: f32) {
  let head = col / HEAD_DIM;
  let at = tile.out + row * p.out_stride + col;
  if (head >= p.query_heads + p.key_heads) {
    out_store(at, col, value);
    return;
  }
  let d = col - head * HEAD_DIM;
  let weights = problem * 2u * HEAD_DIM + select(0u, HEAD_DIM, head >= p.query_heads);
  let scale = 1.0 / sqrt(squares / f32(HEAD_DIM) + p.head_eps);
  let own = value * scale * norm_at(weights + d);
  let angles = p.table_offset + row * p.table_stride;
  if (HEAD_HALF) {
    let is_first = d < HEAD_DIM / 2u;
    let other = select(d - HEAD_DIM / 2u, d + HEAD_DIM / 2u, is_first);
    let far = partner * scale * norm_at(weights + other);
    let k = angles + min(d, other);
    let cosine = vec4f(cosines[k], cosines[k + 1u], cosines[k + 2u], cosines[k + 3u]);
    let sine = vec4f(sines[k], sines[k + 1u], sines[k + 2u], sines[k + 3u]);
    out_store(at, col, own * cosine + select(far, -far, is_first) * sine);
  } else {
    let k = angles + d / 2u;
    let cosine = vec4f(cosines[k], cosines[k], cosines[k + 1u], cosines[k + 1u]);
    let sine = vec4f(sines[k], sines[k], sines[k + 1u], sines[k + 1u]);
    out_store(at, col, own * cosine + vec4f(-own.y, own.x, -own.w, own.z) * sine);
  }
}
