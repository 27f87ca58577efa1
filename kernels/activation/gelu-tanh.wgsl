// gelu_tanh(v) = v/2 (1 + tanh(u)) = v / (1 + exp(-2u)), u = sqrt(2/pi) (v + 0.044715 v^3).
// The second form needs no tanh, whose implementations may overflow inside; exp may, and then the quotient is right.
fn activate(v: V) -> V {
  return v / (exp(v * (v * v * 0.044715 + 1.0) * -1.5957691216057308) + 1.0);
}
