// Query rows [q_first, q_end) of which a workgroup takes the first ROWS, and the keys that they see.
struct Block {
  q_first: u32,
  q_end: u32,
  key_first: u32,
  key_end: u32,
}

// One sequence: every row sees all keys.
fn block_of(tile: u32) -> Block {
  return Block(tile * ROWS, p.q_rows, 0u, p.k_rows);
}
