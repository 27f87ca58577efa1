// out += gate[rows[r], c] * v, in place: each row names its row of the modulation table
@group(0) @binding(BINDING_GATE) var<storage, read> gate: array<f32>;
@group(0) @binding(BINDING_ROWS) var<storage, read> rows: array<u32>;

fn column_gate(col: u32) -> vec4f {
  return vec4f(1.0);
}

fn combine(index: u32, row: u32, column: Column, value: vec4f) {
  let last = p.n - 1u;
  // Of two problems the first has no index: its rows take row 0 of the table.
  var table_row = 0u;
  if (!GROUPED || problem == 1u) {
    table_row = rows[p.row_offset + row - problem * p.split_at];
  }
  let base = p.gate_offset + problem * p.gate_step + table_row * p.gate_stride;
  let factor = vec4f(
    gate[base + column.col],
    gate[base + min(column.col + 1u, last)],
    gate[base + min(column.col + 2u, last)],
    gate[base + min(column.col + 3u, last)],
  );
  out_store(index, column.col, out_load(index, column.col) + factor * value);
}
