// Row scheme `subgroup`: a row per workgroup, which is one subgroup of LANES invocations; no barriers.
// The body defines process_row(row, lane) and keeps control flow uniform around every reduce_sum.
// prelude: enable subgroups
override ROWS: u32 = 1u; // always
override LANES: u32 = 8u; // the subgroup size, which the device must have fixed
override WG: u32 = 8u; // = LANES

fn reduce_sum(value: vec2f) -> vec2f {
  return subgroupAdd(value);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(subgroup_invocation_id) lane: u32) {
  process_row((wid.y * grid.x + wid.x) * ROWS, lane);
}
