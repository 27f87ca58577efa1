// unpatchify, the inverse of patchify: latents[c, y, x] = tokens[(y/2) (w/2) + x/2, 4c + 2 (y mod 2) + x mod 2]
// parts before this one: units (main)
struct Params {
  rows: u32, cols: u32, across: u32, latent_offset: u32, // across = w / 2
  channel_stride: u32, y_stride: u32, x_stride: u32, token_offset: u32,
  token_stride: u32,
}
@group(0) @binding(0) var<storage, read> tokens: array<f32>;
@group(0) @binding(1) var<storage, read_write> latents: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

fn process_unit(unit: u32) {
  let row = unit / p.cols;
  let c = unit % p.cols;
  if (row >= p.rows) {
    return;
  }
  let y = 2u * (row / p.across) + (c / 2u) % 2u;
  let x = 2u * (row % p.across) + c % 2u;
  let latent = p.latent_offset + (c / 4u) * p.channel_stride + y * p.y_stride + x * p.x_stride;
  latents[latent] = tokens[p.token_offset + row * p.token_stride + c];
}
