fn is_shown(c: u32) -> bool {
  return true;
}
