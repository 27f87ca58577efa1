// Query rows [q_first, q_end) of a workgroup and the keys that they see.
struct Block {
  q_first: u32,
  q_end: u32,
  key_first: u32,
  key_end: u32,
}
@group(0) @binding(BINDING_BLOCKS) var<storage, read> blocks: array<Block>;

// Several sequences one after the other, each of which sees itself; cut into blocks by the host.
fn block_of(tile: u32) -> Block {
  return blocks[tile];
}
