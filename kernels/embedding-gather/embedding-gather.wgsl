// embedding_gather: y[i,:] = table[ids[i],:], widened to f32; an id outside of the table gives a row of NaN, not a
// wrong row
//   ids [rows] u32; table [vocab, cols]; y [rows, cols] f32
// parts before this one: units (main), a table (table_at)
struct Params {
  rows: u32, cols: u32, vocab: u32, ids_offset: u32,
  y_offset: u32, y_stride: u32, table_offset: u32, table_stride: u32, // of the table: elements
  nan_bits: u32, // WGSL refuses to write a NaN down
}
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn process_unit(unit: u32) {
  let row = unit / p.cols;
  let c = unit % p.cols;
  if (row >= p.rows) {
    return;
  }
  let id = ids[p.ids_offset + row];
  var value = bitcast<f32>(p.nan_bits);
  if (id < p.vocab) {
    value = table_at(p.table_offset + id * p.table_stride + c);
  }
  y[p.y_offset + row * p.y_stride + c] = value;
}
