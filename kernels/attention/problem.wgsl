// attention: out[i,h,:] = sum_j softmax_j(scale * q[i,h,:] . k[j,g(h),:]) v[j,g(h),:] over the keys j that row i may
// see, with g(h) = h / group (grouped-query). A row that may see no key gives zeros.
//   q, out: q_rows rows of heads * head_dim f32; k, v: k_rows rows of (heads / group) * head_dim, f32 or (access-half)
//   f16; heads side by side in all
//   Offsets, strides and head_step count Ts (vec4f or f32, from the access part); vecs = ceil(head_dim / 4).
struct Params {
  q_rows: u32, k_rows: u32, heads: u32, group: u32,
  head_dim: u32, head_step: u32, vecs: u32, row_tiles: u32,
  q_offset: u32, q_stride: u32, k_offset: u32, k_stride: u32,
  v_offset: u32, v_stride: u32, out_offset: u32, out_stride: u32,
  mask_offset: u32, causal: u32, causal_offset: u32, scale: f32,
  key_norm: f32, v_scale: f32,
}
// Stands for "may not see" among scores: far below any score, far above f32's minimum, so differences stay finite.
const HIDDEN: f32 = -3e38;

// One past the last key that row `row` may see by causality alone: key j is seen by rows with j <= row + causal_offset.
fn keys_before(row: u32) -> u32 {
  return select(p.k_rows, min(p.k_rows, row + p.causal_offset + 1u), p.causal != 0u);
}
