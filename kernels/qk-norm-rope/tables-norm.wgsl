// Tables of a norm alone: weight [head_dim].
struct Params {
  rows: u32, heads: u32, pairs: u32, x_offset: u32,
  x_stride: u32, table_offset: u32, table_stride: u32, eps: f32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;
fn weight_at(column: u32) -> f32 {
  return weight[column];
}
fn rotation_at(token: u32, pair: u32) -> vec2f {
  return vec2f(1.0, 0.0);
}
