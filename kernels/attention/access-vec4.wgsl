// Rows read and written as vec4f: head_dim, offsets and strides are multiples of 4.
alias T = vec4f;
@group(0) @binding(0) var<storage, read> q: array<T>;
@group(0) @binding(1) var<storage, read> k: array<T>;
@group(0) @binding(2) var<storage, read> v: array<T>;
fn load_q(head: u32, i: u32) -> vec4f {
  return q[head + i];
}
fn load_k(head: u32, i: u32) -> vec4f {
  return k[head + i];
}
fn load_v(head: u32, i: u32) -> vec4f {
  return v[head + i];
}
fn store_out(head: u32, i: u32, value: vec4f) {
  out[head + i] = value;
}
