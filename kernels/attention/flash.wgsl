// Variant `flash`, for GPUs at tier T0: 128 invocations take 16 * R query rows of one head, keys 16 at a time, online
// softmax; scores never leave the workgroup (Dao et al. 2022, arXiv 2205.14135).
//   An invocation (row group g of 16, column group c of 8) computes scores of its R rows x keys 2c and 2c + 1, then
//   the outputs of its R rows x vec4s c, c + 8, c + 16, ... of the head. Each of the 8 invocations that share rows
//   takes their maximum and exponentials itself: cheaper than sharing them through workgroup memory and a barrier.
//   K and V pass through one staging tile in chunks of 32 vec4s (head_dim 128): 13 KiB of workgroup memory in all.
// prelude: const R (rows an invocation), const CHUNKS (ceil(vecs / 32)); parts: problem, an access, keys
const KEYS: u32 = 16u;
const CHUNK: u32 = 32u;
const TILE_STRIDE: u32 = 33u; // odd in 16-byte units: the eight keys that a score step reads lie in different banks
const SCORE_STRIDE: u32 = 9u;
const INVOCATIONS: u32 = 128u;
var<workgroup> tile: array<vec4f, 528>;                // KEYS * TILE_STRIDE
var<workgroup> scores: array<vec2f, 16u * R * SCORE_STRIDE>; // [row][key / 2]

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) local: u32) {
  let task = wid.y * grid.x + wid.x;
  if (task >= p.heads * p.row_tiles) {
    return;
  }
  let head = task / p.row_tiles;
  let first = (task % p.row_tiles) * 16u * R;
  let c = local % 8u;
  let row_base = (local / 8u) * R;
  let k_head = p.k_offset + (head / p.group) * p.head_step;
  let v_head = p.v_offset + (head / p.group) * p.head_step;
  var q_head = array<u32, R>();
  var seen = array<u32, R>();
  for (var r = 0u; r < R; r++) {
    let row = min(first + row_base + r, p.q_rows - 1u);
    q_head[r] = p.q_offset + row * p.q_stride + head * p.head_step;
    seen[r] = keys_before(row);
  }
  var top = array<f32, R>();
  var weight = array<f32, R>();
  var total = array<array<vec4f, CHUNKS * 4u>, R>();
  for (var r = 0u; r < R; r++) {
    top[r] = HIDDEN;
  }
  let end = keys_before(min(first + 16u * R - 1u, p.q_rows - 1u));
  for (var j = 0u; j < end; j += KEYS) {
    var score = array<vec2f, R>();
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      let width = min(CHUNK, p.vecs - chunk * CHUNK);
      workgroupBarrier(); // the tile's last readers are done
      for (var s = local; s < KEYS * CHUNK; s += INVOCATIONS) {
        // Slot n holds key 2n and slot n + 8 key 2n + 1, so that invocation c reads slots c and c + 8.
        let slot = s / CHUNK;
        let key = j + 2u * (slot % 8u) + slot / 8u;
        let i = s % CHUNK;
        if (i < width) {
          var value = vec4f();
          if (key_exists(key)) {
            value = load_k(k_head + key * p.k_stride, chunk * CHUNK + i);
          }
          tile[slot * TILE_STRIDE + i] = value;
        }
      }
      workgroupBarrier();
      for (var i = 0u; i < width; i++) {
        let k0 = tile[c * TILE_STRIDE + i];
        let k1 = tile[(c + 8u) * TILE_STRIDE + i];
        for (var r = 0u; r < R; r++) {
          let part = load_q(q_head[r], chunk * CHUNK + i);
          score[r] += vec2f(dot(part, k0), dot(part, k1));
        }
      }
    }
    let key = j + 2u * c;
    let exists = vec2<bool>(key_exists(key), key_exists(key + 1u));
    for (var r = 0u; r < R; r++) {
      let visible = exists & (vec2u(key, key + 1u) < vec2u(seen[r]));
      scores[(row_base + r) * SCORE_STRIDE + c] = select(vec2f(HIDDEN), score[r] * p.scale, visible);
    }
    workgroupBarrier();
    for (var r = 0u; r < R; r++) {
      var most = vec2f(top[r]);
      for (var n = 0u; n < KEYS / 2u; n++) {
        most = max(most, scores[(row_base + r) * SCORE_STRIDE + n]);
      }
      let top_next = max(most.x, most.y);
      let fade = exp(top[r] - top_next);
      top[r] = top_next;
      weight[r] *= fade;
      for (var n = 0u; n < CHUNKS * 4u; n++) {
        total[r][n] *= fade;
      }
    }
    for (var chunk = 0u; chunk < CHUNKS; chunk++) {
      let width = min(CHUNK, p.vecs - chunk * CHUNK);
      if (chunk > 0u) {
        workgroupBarrier();
      }
      for (var s = local; s < KEYS * CHUNK; s += INVOCATIONS) {
        let key_slot = s / CHUNK;
        let i = s % CHUNK;
        if (i < width) {
          // What the mask hides may be NaN, and 0 * NaN is NaN: stage 0 instead.
          var value = vec4f();
          if (key_exists(j + key_slot)) {
            value = load_v(v_head + (j + key_slot) * p.v_stride, chunk * CHUNK + i);
          }
          tile[key_slot * TILE_STRIDE + i] = value;
        }
      }
      workgroupBarrier();
      for (var n = 0u; n < KEYS / 2u; n++) {
        var e = array<vec2f, R>();
        for (var r = 0u; r < R; r++) {
          let s = scores[(row_base + r) * SCORE_STRIDE + n];
          e[r] = select(vec2f(), exp(s - top[r]), s > vec2f(0.5 * HIDDEN));
          if (chunk == 0u) {
            weight[r] += e[r].x + e[r].y;
          }
        }
        for (var m = 0u; m < 4u; m++) {
          let v0 = tile[2u * n * TILE_STRIDE + c + 8u * m];
          let v1 = tile[(2u * n + 1u) * TILE_STRIDE + c + 8u * m];
          for (var r = 0u; r < R; r++) {
            total[r][chunk * 4u + m] += v0 * e[r].x + v1 * e[r].y;
          }
        }
      }
    }
  }
  for (var r = 0u; r < R; r++) {
    let row = first + row_base + r;
    if (row < p.q_rows) {
      let out_head = p.out_offset + row * p.out_stride + head * p.head_step;
      let share = select(0.0, 1.0 / weight[r], weight[r] > 0.0);
      for (var n = 0u; n < CHUNKS * 4u; n++) {
        let i = (n / 4u) * CHUNK + c + 8u * (n % 4u);
        if (i < p.vecs) {
          store_out(out_head, i, total[r][n] * share);
        }
      }
    }
  }
}
