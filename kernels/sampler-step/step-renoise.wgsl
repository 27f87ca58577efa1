// Re-noising step; prediction row r belongs to row r of x.
@group(0) @binding(2) var<storage, read> fresh: array<V>;
@group(0) @binding(3) var<storage, read_write> x: array<V>;
@group(0) @binding(4) var<uniform> p: Params;
fn target_row(row: u32) -> u32 {
  return row;
}
fn next_latent(latent: V, velocity: V, row: u32, c: u32, sigma: f32, sigma_next: f32) -> V {
  return renoise(latent, velocity, fresh[p.fresh_offset + row * p.fresh_stride + c], sigma, sigma_next);
}
