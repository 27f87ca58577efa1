// probe_copy: y[i] = x[i] in units of 16 bytes: what memory can move at most
//   x, y  `units` vec4u; a workgroup copies WG * PER of them, lanes side by side
// parts before this one: a prelude with PER
struct Params { units: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4u>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4u>;
@group(0) @binding(2) var<uniform> p: Params;
override WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) local: u32) {
  let first = (wid.y * grid.x + wid.x) * WG * PER + local;
  for (var i = 0u; i < PER; i++) {
    let unit = first + i * WG;
    if (unit < p.units) {
      y[unit] = x[unit];
    }
  }
}
