fn key_exists(key: u32) -> bool {
  return key < p.k_rows;
}
