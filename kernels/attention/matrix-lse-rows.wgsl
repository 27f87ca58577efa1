// log(sum_j exp(score_j)) of each row: [heads, q_rows]
@group(0) @binding(BINDING_LSE) var<storage, read_write> lse: array<f32>;

fn write_lse(head: u32, row: u32, value: f32) {
  lse[head * p.q_rows + row] = value;
}
