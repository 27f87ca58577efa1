// Variant `rowwise`, for software drivers: an invocation a query row, k and v read uniformly by the workgroup, online
// softmax (Milakov and Gimelshein 2018, arXiv 1805.02867) over four keys at a time. No barriers.
// Loop bounds come from Params, so that the driver does not unroll them: unrolled forms take seconds to compile there.
// The query is read again for each group of keys: a private copy doubles the time to compile and is no faster.
// prelude: const VECS (at least vecs); parts: problem, an access, keys
override WG: u32 = 8u;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) local: u32) {
  let tile = wid.y * grid.x + wid.x;
  if (tile >= p.heads * p.row_tiles) {
    return;
  }
  let head = tile / p.row_tiles;
  let first = (tile % p.row_tiles) * WG;
  let row = min(first + local, p.q_rows - 1u);
  let q_head = p.q_offset + row * p.q_stride + head * p.head_step;
  let k_head = p.k_offset + (head / p.group) * p.head_step;
  let v_head = p.v_offset + (head / p.group) * p.head_step;
  var total = array<vec4f, VECS>();
  let seen = keys_before(row);
  let end = keys_before(min(first + WG - 1u, p.q_rows - 1u));
  var top = HIDDEN;
  var weight = 0.0;
  for (var j = 0u; j < end; j += 4u) {
    let key = vec4u(j, j + 1u, j + 2u, j + 3u);
    let exists = vec4<bool>(key_exists(key.x), key_exists(key.y), key_exists(key.z), key_exists(key.w));
    let at = min(key, vec4u(p.k_rows - 1u));
    let k_at = vec4u(k_head) + at * p.k_stride;
    let v_at = vec4u(v_head) + at * p.v_stride;
    var score = vec4f();
    for (var i = 0u; i < p.vecs; i++) {
      let part = load_q(q_head, i);
      score += vec4f(dot(part, load_k(k_at.x, i)), dot(part, load_k(k_at.y, i)), dot(part, load_k(k_at.z, i)),
                     dot(part, load_k(k_at.w, i)));
    }
    let visible = exists & (key < vec4u(seen));
    score = select(vec4f(HIDDEN), score * p.scale, visible);
    let top_next = max(top, max(max(score.x, score.y), max(score.z, score.w)));
    let fade = exp(top - top_next);
    let e = select(vec4f(), exp(score - top_next), visible);
    weight = weight * fade + (e.x + e.y + e.z + e.w);
    for (var i = 0u; i < p.vecs; i++) {
      // What the mask hides may be NaN, and 0 * NaN is NaN: take 0 instead.
      let v0 = select(vec4f(), load_v(v_at.x, i), exists.x);
      let v1 = select(vec4f(), load_v(v_at.y, i), exists.y);
      let v2 = select(vec4f(), load_v(v_at.z, i), exists.z);
      let v3 = select(vec4f(), load_v(v_at.w, i), exists.w);
      total[i] = total[i] * fade + v0 * e.x + v1 * e.y + v2 * e.z + v3 * e.w;
    }
    top = top_next;
  }
  if (first + local < p.q_rows) {
    let out_head = p.out_offset + row * p.out_stride + head * p.head_step;
    let share = select(0.0, 1.0 / weight, weight > 0.0);
    for (var i = 0u; i < p.vecs; i++) {
      store_out(out_head, i, total[i] * share);
    }
  }
}
