// Row r comes from row r.
@group(0) @binding(1) var<storage, read_write> y: array<W>;
@group(0) @binding(2) var<uniform> p: Params;
fn source_row(row: u32) -> u32 {
  return row;
}
