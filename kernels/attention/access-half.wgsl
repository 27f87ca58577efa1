// q and out as vec4f; rows of k and v are f16, eight to an element, and are read as matrices where they lie.
alias T = vec4f;
@group(0) @binding(0) var<storage, read> q: array<T>;
@group(0) @binding(1) var<storage, read> k: array<vec4u>;
@group(0) @binding(2) var<storage, read> v: array<vec4u>;
fn load_q(head: u32, i: u32) -> vec4f {
  return q[head + i];
}
fn store_out(head: u32, i: u32, value: vec4f) {
  out[head + i] = value;
}
