// Row scheme `lane`: one invocation per row, no barriers, no subgroups: the simplest form, for software drivers
// without subgroups and for rows too short to share.
// The body defines process_row(row, lane).
override ROWS: u32 = 8u;
override LANES: u32 = 1u;
override WG: u32 = 8u; // = ROWS

fn reduce_sum(value: vec2f) -> vec2f {
  return value;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) local: u32) {
  process_row((wid.y * grid.x + wid.x) * ROWS + local, 0u);
}
