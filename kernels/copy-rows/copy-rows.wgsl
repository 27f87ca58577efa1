// copy_rows: y[r,:] = x[source(r),:], bit for bit; source(r) = r or index[r]
//   x, y rows of cols words; columns, offsets and strides count Vs (vec4u or u32)
// parts before this one: a prelude alias W = u32 or vec4u, units (main), a source (source_row)
struct Params {
  rows: u32, cols: u32, x_offset: u32, x_stride: u32,
  y_offset: u32, y_stride: u32, index_offset: u32,
}
@group(0) @binding(0) var<storage, read> x: array<W>;

fn process_unit(unit: u32) {
  let row = unit / p.cols;
  let c = unit % p.cols;
  if (row >= p.rows) {
    return;
  }
  y[p.y_offset + row * p.y_stride + c] = x[p.x_offset + source_row(row) * p.x_stride + c];
}
