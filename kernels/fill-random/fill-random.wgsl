// fill_random: out[i] = hash(seed, i) as a uniform value in [-scale, scale)
//   out  `words` u32, each of one f32, two f16, two bf16 or four i8 values in order
// parts before this one: units (main), words-f32, words-f16, words-bf16 or words-i8 (make_word)
struct Params { words: u32, seed: u32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> out: array<u32>;
@group(0) @binding(1) var<uniform> p: Params;

// 32-bit finaliser of the splitmix family, as kernels/case-random.ts has it.
fn hash(index: u32) -> u32 {
  let a = (index + 1u) * 0x9e3779b9u + p.seed;
  let b = (a ^ (a >> 16u)) * 0x21f0aaadu;
  let c = (b ^ (b >> 15u)) * 0x735a2d97u;
  return c ^ (c >> 15u);
}

// Exact up to the factor: 24 bits and a power of two.
fn value_at(index: u32) -> f32 {
  return (f32(hash(index) >> 8u) * 0x1p-23f - 1.0) * p.scale;
}

fn process_unit(unit: u32) {
  if (unit >= p.words) {
    return;
  }
  out[unit] = make_word(unit);
}
