fn write_lse(head: u32, row: u32, value: f32) {}
