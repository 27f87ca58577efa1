// Tables of a norm and a rotation: weight [head_dim], cosines and sines [rows, head_dim / 2].
struct Params {
  rows: u32, heads: u32, pairs: u32, x_offset: u32,
  x_stride: u32, table_offset: u32, table_stride: u32, eps: f32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> cosines: array<f32>;
@group(0) @binding(2) var<storage, read> sines: array<f32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;
fn weight_at(column: u32) -> f32 {
  return weight[column];
}
fn rotation_at(token: u32, pair: u32) -> vec2f {
  let at = p.table_offset + token * p.table_stride + pair;
  return vec2f(cosines[at], sines[at]);
}
