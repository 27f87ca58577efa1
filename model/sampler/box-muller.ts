import { fma32 } from './float-rounding.ts';

/*
 * PyTorch's vectorised float32 Box-Muller transform (ATen DistributionTemplates, `normal_fill_16_AVX2`, torch 2.15 on
 * x86-64 with AVX2 and FMA), which uses the Cephes single-precision logarithm, sine and cosine. Every step rounds to
 * float32 in the stated order, so the result is the same bit for bit. Constants are float32 numbers.
 */

const fround = Math.fround;
const f32 = (decimal: number): number => fround(decimal);

const SQRT_HALF = f32(Math.SQRT1_2);
const LOG_POLYNOMIAL = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(f32);
const LOG_LOW = f32(-2.1219444e-4);
const LOG_HIGH = f32(0.693359375);

const FOUR_OVER_PI = f32(1.27323954473516);
const PI_HIGH = f32(-0.78515625);
const PI_MIDDLE = f32(-2.4187564849853515625e-4);
const PI_LOW = f32(-3.774894977445941e-8);
const [COS_0, COS_1, COS_2] = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2].map(f32) as [
  number,
  number,
  number,
];
const [SIN_0, SIN_1, SIN_2] = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1].map(f32) as [
  number,
  number,
  number,
];
const TWO_PI = f32(2 * Math.PI);

// One scratch word, read back at once: no state survives a call.
const floatView = new Float32Array(1);
const wordView = new Uint32Array(floatView.buffer);

/** Natural logarithm of float32 `x` in (0, 1], as the Cephes `logf` computes it with fused multiply-adds. */
function log32(x: number): number {
  floatView[0] = x;
  const word = wordView[0];
  let exponent = (word >>> 23) - 126;
  wordView[0] = (word & 0x007fffff) | 0x3f000000;
  const mantissa = floatView[0];
  let m: number;
  if (mantissa < SQRT_HALF) {
    exponent -= 1;
    m = fround(fround(mantissa - 1) + mantissa);
  } else {
    m = fround(mantissa - 1);
  }
  const z = fround(m * m);
  let y = LOG_POLYNOMIAL[0];
  for (let i = 1; i < 9; i++) y = fma32(y, m, LOG_POLYNOMIAL[i]);
  y = fround(y * m);
  y = fma32(y, z, fround(exponent * LOG_LOW));
  y = fma32(-z, 0.5, y);
  return fma32(exponent, LOG_HIGH, fround(m + y));
}

/**
 * Turns 16 float32 uniforms in [0, 1) into 16 float32 standard normals, in place.
 *
 * Element j < 8 is paired with element j + 8: `radius(u[j]) * cos(2 pi u[j+8])` and `... * sin(...)`.
 *
 * @param values float32 uniforms; replaced by normals
 * @param start first of the 16 elements
 */
export function boxMuller16(values: Float32Array, start: number): void {
  for (let j = start; j < start + 8; j++) {
    const radius = fround(Math.sqrt(fround(-2 * log32(fround(1 - values[j])))));
    const angle = fround(TWO_PI * values[j + 8]);
    // Argument reduction to [-pi/4, pi/4] around the octant `octant`, in three parts of pi/4.
    const octant = (Math.trunc(fround(angle * FOUR_OVER_PI)) + 1) & ~1;
    let x = fma32(octant, PI_HIGH, angle);
    x = fma32(octant, PI_MIDDLE, x);
    x = fma32(octant, PI_LOW, x);
    const z = fround(x * x);
    let c = fma32(fma32(COS_0, z, COS_1), z, COS_2);
    c = fround(fma32(fround(c * z), z, -fround(0.5 * z)) + 1);
    let s = fma32(fma32(SIN_0, z, SIN_1), z, SIN_2);
    s = fma32(fround(s * z), x, x);
    let sine = s;
    let cosine = c;
    if ((octant & 2) !== 0) {
      sine = c;
      cosine = s;
    }
    if ((octant & 4) !== 0) sine = -sine;
    if (((octant - 2) & 4) === 0) cosine = -cosine;
    // The reference ends with value * std + mean: adding 0 turns -0 into +0.
    values[j] = fround(radius * cosine) + 0;
    values[j + 8] = fround(radius * sine) + 0;
  }
}

/** As {@link boxMuller16} in float64 with the library's functions: equal to the reference to 1e-14, not bit for bit. */
export function boxMuller16Double(values: Float64Array, start: number): void {
  for (let j = start; j < start + 8; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - values[j]));
    const angle = 2 * Math.PI * values[j + 8];
    values[j] = radius * Math.cos(angle);
    values[j + 8] = radius * Math.sin(angle);
  }
}
