// One problem: every row of tiles belongs to it.
const GROUPED: bool = false;
const problem: u32 = 0u;

fn choose_problem(row: u32) {}
