// Row scheme `workgroup`: ROWS rows per workgroup, LANES (a power of two) invocations for each, sums by a tree in
// workgroup memory. Needs neither subgroups nor f16.
// The body defines process_row(row, lane); it must reach every reduce_sum in uniform control flow, rows that do not
// exist (row beyond the count) included: it gives them empty loops instead of returning early.
override ROWS: u32 = 1u;
override LANES: u32 = 256u;
override WG: u32 = 256u; // ROWS * LANES
var<workgroup> scheme_partial: array<vec2f, WG>;
var<private> scheme_local: u32 = 0u;

// Sum of `value` over the LANES invocations of this row; each of them gets it.
fn reduce_sum(value: vec2f) -> vec2f {
  workgroupBarrier(); // everyone has read the result of the sum before
  scheme_partial[scheme_local] = value;
  workgroupBarrier();
  let lane = scheme_local % LANES;
  for (var step = LANES / 2u; step > 0u; step = step / 2u) {
    if (lane < step) {
      scheme_partial[scheme_local] += scheme_partial[scheme_local + step];
    }
    workgroupBarrier();
  }
  return scheme_partial[scheme_local - lane];
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) local: u32) {
  scheme_local = local;
  process_row((wid.y * grid.x + wid.x) * ROWS + local / LANES, local % LANES);
}
