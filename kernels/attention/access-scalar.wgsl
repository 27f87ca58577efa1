// Rows of any head_dim and alignment: four elements at a time, those beyond head_dim read as 0 and not written.
alias T = f32;
@group(0) @binding(0) var<storage, read> q: array<T>;
@group(0) @binding(1) var<storage, read> k: array<T>;
@group(0) @binding(2) var<storage, read> v: array<T>;
fn inside(i: u32) -> vec4<bool> {
  return vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u) < vec4u(p.head_dim);
}
// Columns to read: those beyond head_dim read the head's last element instead, which is always there.
fn columns(i: u32) -> vec4u {
  return min(vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u), vec4u(p.head_dim - 1u));
}
fn load_q(head: u32, i: u32) -> vec4f {
  let c = columns(i) + vec4u(head);
  return select(vec4f(), vec4f(q[c.x], q[c.y], q[c.z], q[c.w]), inside(i));
}
fn load_k(head: u32, i: u32) -> vec4f {
  let c = columns(i) + vec4u(head);
  return select(vec4f(), vec4f(k[c.x], k[c.y], k[c.z], k[c.w]), inside(i));
}
fn load_v(head: u32, i: u32) -> vec4f {
  let c = columns(i) + vec4u(head);
  return select(vec4f(), vec4f(v[c.x], v[c.y], v[c.z], v[c.w]), inside(i));
}
fn store_out(head: u32, i: u32, value: vec4f) {
  let kept = inside(i);
  let at = head + 4u * i;
  if (kept.x) {
    out[at] = value.x;
  }
  if (kept.y) {
    out[at + 1u] = value.y;
  }
  if (kept.z) {
    out[at + 2u] = value.z;
  }
  if (kept.w) {
    out[at + 3u] = value.w;
  }
}
