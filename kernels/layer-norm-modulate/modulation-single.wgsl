// Every row takes the first row of the modulation table.
@group(0) @binding(2) var<storage, read_write> y: array<V>;
@group(0) @binding(3) var<uniform> p: Params;
fn modulation_row(row: u32) -> u32 {
  return 0u;
}
