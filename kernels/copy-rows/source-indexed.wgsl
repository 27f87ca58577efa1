// Row r comes from row index[r].
@group(0) @binding(1) var<storage, read> index: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<W>;
@group(0) @binding(3) var<uniform> p: Params;
fn source_row(row: u32) -> u32 {
  return index[p.index_offset + row];
}
