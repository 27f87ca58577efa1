// Row scheme `subgroup`.
fn reduce_max(value: f32) -> f32 {
  return subgroupMax(value);
}
