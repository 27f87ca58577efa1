// scan, second stage: result = (max of partial[].x, sum of partial[].y), integers, so in any order the same
//   one workgroup
override WG: u32 = 64u;
struct Params { partials: u32, result_offset: u32 }
@group(0) @binding(0) var<storage, read> partial: array<vec2u>;
@group(0) @binding(1) var<storage, read_write> result: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;
var<workgroup> most: atomic<u32>;
var<workgroup> broken: atomic<u32>;

@compute @workgroup_size(WG)
fn main(@builtin(local_invocation_index) local: u32) {
  for (var i = local; i < p.partials; i += WG) {
    atomicMax(&most, partial[i].x);
    atomicAdd(&broken, partial[i].y);
  }
  workgroupBarrier();
  if (local == 0u) {
    result[p.result_offset] = atomicLoad(&most);
    result[p.result_offset + 1u] = atomicLoad(&broken);
  }
}
