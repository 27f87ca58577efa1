// probe_fma: chains of a = a * m + c that touch no memory: what arithmetic reaches at most
//   seeds  one f32 per invocation
//   out    [invocations, 4]: the sums of a lane's four vec4 chains after 4 * rounds steps
// parts before this one: fma-fused or fma-separate (step)
struct Params { count: u32, rounds: u32, m: f32, c: f32 }
@group(0) @binding(0) var<storage, read> seeds: array<f32>;
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;
@group(0) @binding(2) var<uniform> p: Params;
override WG: u32 = 64u;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(num_workgroups) grid: vec3u,
        @builtin(local_invocation_index) local: u32) {
  let i = (wid.y * grid.x + wid.x) * WG + local;
  if (i >= p.count) {
    return;
  }
  let m = vec4f(p.m);
  let c = vec4f(p.c);
  let seed = seeds[i];
  // Sixteen independent chains hide the latency of a multiply-add on every machine that we know of.
  var a0 = vec4f(seed, seed + 0.25, seed + 0.5, seed + 0.75);
  var a1 = a0 + 1.0;
  var a2 = a0 + 2.0;
  var a3 = a0 + 3.0;
  for (var r = 0u; r < p.rounds; r++) {
    a0 = step_once(a0, m, c);
    a1 = step_once(a1, m, c);
    a2 = step_once(a2, m, c);
    a3 = step_once(a3, m, c);
    a0 = step_once(a0, m, c);
    a1 = step_once(a1, m, c);
    a2 = step_once(a2, m, c);
    a3 = step_once(a3, m, c);
    a0 = step_once(a0, m, c);
    a1 = step_once(a1, m, c);
    a2 = step_once(a2, m, c);
    a3 = step_once(a3, m, c);
    a0 = step_once(a0, m, c);
    a1 = step_once(a1, m, c);
    a2 = step_once(a2, m, c);
    a3 = step_once(a3, m, c);
  }
  out[i] = a0 + a1 + a2 + a3;
}
