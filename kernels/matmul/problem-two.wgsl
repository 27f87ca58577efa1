// Two problems of the same n and k in one dispatch: the first has the rows before split_at, the second those from
// there on, and each its own tiles, so that no tile has rows of both. Weights, biases, scales, norms and gates of the
// second follow those of the first. What a workgroup works on is set by its tile.
const GROUPED: bool = true;
var<private> problem: u32 = 0u;

// `row`: number of a row of tiles.
fn choose_problem(row: u32) {
  problem = select(0u, 1u, row >= p.split_tiles);
}
