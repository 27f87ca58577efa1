// Row r takes row index[r] of the modulation table.
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<V>;
@group(0) @binding(4) var<uniform> p: Params;
fn modulation_row(row: u32) -> u32 {
  return index[p.index_offset + row];
}
