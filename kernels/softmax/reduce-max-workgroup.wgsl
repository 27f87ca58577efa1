// Row scheme `workgroup`, in the memory of its sums: the largest `value` of the LANES invocations of this row. As for
// reduce_sum, all invocations of the workgroup must come by.
fn reduce_max(value: f32) -> f32 {
  workgroupBarrier();
  scheme_partial[scheme_local] = vec2f(value, 0.0);
  workgroupBarrier();
  let lane = scheme_local % LANES;
  for (var step = LANES / 2u; step > 0u; step = step / 2u) {
    if (lane < step) {
      scheme_partial[scheme_local] = max(scheme_partial[scheme_local], scheme_partial[scheme_local + step]);
    }
    workgroupBarrier();
  }
  return scheme_partial[scheme_local - lane].x;
}
