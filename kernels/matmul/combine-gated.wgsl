// out += gate[0, c] * v, in place: one row of the modulation table for all rows
@group(0) @binding(BINDING_GATE) var<storage, read> gate: array<f32>;

fn column_gate(col: u32) -> vec4f {
  let last = p.n - 1u;
  let base = p.gate_offset + problem * p.gate_step;
  return vec4f(
    gate[base + col],
    gate[base + min(col + 1u, last)],
    gate[base + min(col + 2u, last)],
    gate[base + min(col + 3u, last)],
  );
}

fn combine(index: u32, row: u32, column: Column, value: vec4f) {
  out_store(index, column.col, out_load(index, column.col) + column.gate * value);
}
