// add_rows, in place: x[r,:] += table[index[r],:] where index[r] is a row of the table; other rows stay as they are
//   x [rows, cols], table [table_rows, cols] f32, index [rows] u32; columns, offsets and strides count Vs
// parts before this one: a width (V), units (main)
struct Params {
  rows: u32, cols: u32, x_offset: u32, x_stride: u32,
  table_offset: u32, table_stride: u32, table_rows: u32, index_offset: u32,
}
@group(0) @binding(0) var<storage, read> table: array<V>;
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read_write> x: array<V>;
@group(0) @binding(3) var<uniform> p: Params;

fn process_unit(unit: u32) {
  let row = unit / p.cols;
  let c = unit % p.cols;
  if (row >= p.rows) {
    return;
  }
  let chosen = index[p.index_offset + row];
  if (chosen < p.table_rows) {
    x[p.x_offset + row * p.x_stride + c] += table[p.table_offset + chosen * p.table_stride + c];
  }
}
