// What the generated matrix product (kernels/matrix-gemm.ts) asks of conv2d, which is the product of
//   A [pixels, taps * channels], whose rows are addressed in the picture and never stored (padding reads as zeros, an
//   upsampled picture is addressed, not made), and B [taps * channels, out_c], the weight as it lies.
// Each tap's channels are padded to a multiple of 8, so that a unit of eight lies within one tap.
// prelude: override IN_SCALE, a power of two on the input that brings it into f16's range; a part before has prepare()
override IN_SCALE: f32 = 1.0;

struct Tile {
  row: u32,
  col: u32,
}

struct Column {
  quad: u32,
}

fn gemm_tiles() -> u32 {
  return p.tiles_p * p.tiles_o;
}

fn gemm_tile(index: u32) -> Tile {
  let col = index / p.tiles_p;
  return Tile(index - col * p.tiles_p, col);
}

fn gemm_rows() -> u32 {
  return p.out_rows * p.out_w;
}

fn gemm_columns() -> u32 {
  return p.out_c;
}

fn tap_depth() -> u32 {
  return (p.in_c + 7u) & ~7u;
}

fn gemm_depth() -> u32 {
  return p.kernel * p.kernel * tap_depth();
}

fn pack_eight(a: vec4f, b: vec4f) -> vec4u {
  return vec4u(pack2x16float(a.xy), pack2x16float(a.zw), pack2x16float(b.xy), pack2x16float(b.zw));
}

// Channels k mod depth to + 7 of the pixel that tap k / depth sees.
fn left_unit(tile: Tile, row: u32, k: u32) -> vec4u {
  let tap = k / tap_depth();
  let c = k - tap * tap_depth();
  if (tap >= p.kernel * p.kernel) {
    return vec4u();
  }
  let pixel = min(row, gemm_rows() - 1u);
  let out_y = pixel / p.out_w;
  let y = i32((p.out_row0 + out_y) * p.stride) - i32(p.pad) + i32(tap / p.kernel);
  let x = i32((pixel - out_y * p.out_w) * p.stride) - i32(p.pad) + i32(tap % p.kernel);
  if (!inside(y, p.in_h) || !inside(x, p.in_w)) {
    return vec4u();
  }
  let stored_row = clamp(stored(y, p.in_h), p.in_row0, p.in_row0 + p.in_rows - 1u) - p.in_row0;
  let at = stored_row * p.in_w + stored(x, p.in_w);
  let v = prepare(input_eight(p.in_offset + at * p.in_c + c, p.in_c - c), at, c);
  return pack_eight(IN_SCALE * v[0], IN_SCALE * v[1]);
}

// Output channels col to col + 7 of one input channel of one tap.
fn right_unit(tile: Tile, col: u32, k: u32) -> vec4u {
  let tap = k / tap_depth();
  let c = k - tap * tap_depth();
  if (tap >= p.kernel * p.kernel || c >= p.in_c) {
    return vec4u();
  }
  let quads = out_quads();
  let start = (tap * p.in_c + c) * quads;
  let last = quads - 1u;
  return pack_eight(weight_quad(start + min(col >> 2u, last)), weight_quad(start + min((col >> 2u) + 1u, last)));
}

fn gemm_column(tile: Tile, col: u32) -> Column {
  return Column(col >> 2u);
}

fn gemm_put(tile: Tile, row: u32, column: Column, sum: vec4f) {
  finish(row * p.out_c, column.quad, sum / IN_SCALE);
}
