// One invocation per work unit, no sharing. The body defines process_unit(unit) and returns where unit is too large.
override WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) local: u32) {
  process_unit((wid.y * grid.x + wid.x) * WG + local);
}
