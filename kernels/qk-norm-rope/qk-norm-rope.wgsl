// qk_norm_rope, in place on the heads of q or k: h = RMSNorm(h) * weight, then each pair of h turned by its angle
//   x: rows of heads, head h of row r at x_offset + r * x_stride + h * head_dim; even head_dim; one "row" of the scheme
//   is one head of one token, and its work unit is a pair
//   pairs: (2k, 2k + 1), or (k, k + head_dim / 2) where HALF; (a, b) -> (a cos - b sin, a sin + b cos)
// Each invocation reads and writes only its own pairs, so working in place needs no barrier.
// parts before this one: a row scheme (LANES, reduce_sum, main), inverse_root and the tables (weight_at, rotation_at)
override HALF: bool = false;
override NORM: bool = true;

fn process_row(row: u32, lane: u32) {
  let pairs = select(0u, p.pairs, row < p.rows * p.heads);
  let token = row / p.heads;
  let head = p.x_offset + token * p.x_stride + (row % p.heads) * p.pairs * 2u;
  let across = select(1u, p.pairs, HALF);
  let along = select(2u, 1u, HALF);
  var scale = 1.0;
  if (NORM) {
    var squares = vec2f();
    for (var k = lane; k < pairs; k += LANES) {
      let a = x[head + k * along];
      let b = x[head + k * along + across];
      squares += vec2f(a * a, b * b);
    }
    scale = inverse_root(reduce_sum(vec2f(squares.x + squares.y, 0.0)).x / f32(p.pairs * 2u) + p.eps);
  }
  for (var k = lane; k < pairs; k += LANES) {
    let first = k * along;
    let a = x[head + first] * scale * weight_at(first);
    let b = x[head + first + across] * scale * weight_at(first + across);
    let r = rotation_at(token, k);
    x[head + first] = a * r.x - b * r.y;
    x[head + first + across] = a * r.y + b * r.x;
  }
}
