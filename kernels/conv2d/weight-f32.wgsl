// Weights [kernel, kernel, in_c, out_quads] as f32.
@group(0) @binding(1) var<storage, read> weight: array<vec4f>;

fn weight_quad(index: u32) -> vec4f {
  return weight[index];
}
