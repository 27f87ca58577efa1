// K and V by way of workgroup memory, converted to f16.
// Keys that nobody may see are staged as zeros: what they hold may be NaN.
fn stage_keys(work: Work, first: u32, local: u32) {
  for (var u = local; u < KEYS * UNITS; u += INVOCATIONS) {
    let key = first + u / UNITS;
    let i = 2u * (u % UNITS);
    var unit = vec4u();
    if (key < work.key_end && key_exists(key)) {
      let at = work.k_head + key * p.k_stride;
      let last = p.vecs - 1u;
      unit = pack_eight(padded(i, load_k(at, min(i, last))), padded(i + 1u, load_k(at, min(i + 1u, last))));
    }
    stage[(u / UNITS) * TILE_STRIDE + u % UNITS] = unit;
  }
}

fn stage_values(work: Work, first: u32, local: u32) {
  for (var u = local; u < KEYS * UNITS; u += INVOCATIONS) {
    let key = first + u / UNITS;
    let i = 2u * (u % UNITS);
    var unit = vec4u();
    if (key < work.key_end && key_exists(key)) {
      let at = work.v_head + key * p.v_stride;
      let last = p.vecs - 1u;
      unit = pack_eight(
        p.v_scale * padded(i, load_v(at, min(i, last))),
        p.v_scale * padded(i + 1u, load_v(at, min(i + 1u, last))),
      );
    }
    stage[(u / UNITS) * TILE_STRIDE + u % UNITS] = unit;
  }
}
