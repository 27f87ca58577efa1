// sampler_step, in place on the predicted rows of the latent tokens x, with v = eps - z0 (sign +1) or z0 - eps (-1):
//   euler:   x += sign * (sigma_next - sigma) * v
//   renoise: x0 = x - sign * sigma * v;  x = x0 if sigma_next is 0, else (1 - sigma_next) * x0 + sigma_next * fresh
//   v, fresh [rows, cols] f32, rows in the order of the prediction; x rows at r or index[r]; columns, offsets and
//   strides count Vs
//   sigma and sigma_next are elements of `scalars`, so that one recording serves every step
// parts before this one: a width (V), units (main), a step (target_row, next_latent, x, p)
struct Params {
  rows: u32, cols: u32, x_offset: u32, x_stride: u32,
  v_offset: u32, v_stride: u32, fresh_offset: u32, fresh_stride: u32,
  index_offset: u32, sigma_index: u32, sigma_next_index: u32, sign: f32,
}
@group(0) @binding(0) var<storage, read> v: array<V>;
@group(0) @binding(1) var<storage, read> scalars: array<f32>;

fn euler(latent: V, velocity: V, sigma: f32, sigma_next: f32) -> V {
  return latent + velocity * (p.sign * (sigma_next - sigma));
}

fn renoise(latent: V, velocity: V, fresh: V, sigma: f32, sigma_next: f32) -> V {
  let clean = latent - velocity * (p.sign * sigma);
  if (sigma_next == 0.0) {
    return clean; // fresh noise need not exist after the last step
  }
  return clean * (1.0 - sigma_next) + fresh * sigma_next;
}

fn process_unit(unit: u32) {
  let row = unit / p.cols;
  let c = unit % p.cols;
  if (row >= p.rows) {
    return;
  }
  let at = p.x_offset + target_row(row) * p.x_stride + c;
  let velocity = v[p.v_offset + row * p.v_stride + c];
  x[at] = next_latent(x[at], velocity, row, c, scalars[p.sigma_index], scalars[p.sigma_next_index]);
}
