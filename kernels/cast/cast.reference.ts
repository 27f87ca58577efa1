/** Layout of a binary floating-point format of 16 bits (IEEE 754-2019, table 3.5; bfloat16 alike with 7 and 127). */
interface Format {
  readonly mantissaBits: number;
  readonly bias: number;
}

const FORMATS: Readonly<Record<'f16' | 'bf16', Format>> = {
  f16: { mantissaBits: 10, bias: 15 },
  bf16: { mantissaBits: 7, bias: 127 },
};

/** The value nearest to `value` in a 16-bit format, ties to even, with subnormals and overflow to infinity. By arithmetic. */
export function roundTo(value: number, dtype: 'f16' | 'bf16'): number {
  const { mantissaBits, bias } = FORMATS[dtype];
  if (!Number.isFinite(value) || value === 0) return value;
  const least = 1 - bias;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(value))), least);
  // log2 may round up to the next power of two; the step is then twice too large, unless taken from the power itself.
  const power = Math.abs(value) < 2 ** exponent && exponent > least ? exponent - 1 : exponent;
  const step = 2 ** (power - mantissaBits);
  const scaled = value / step;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  const limit = (2 - 2 ** -mantissaBits) * 2 ** bias;
  const result = rounded * step;
  return Math.abs(result) > limit ? Math.sign(value) * Infinity : result;
}

/** The value of 16 bits, by arithmetic. */
export function valueOf(bits: number, dtype: 'f16' | 'bf16'): number {
  const { mantissaBits, bias } = FORMATS[dtype];
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >> mantissaBits;
  const mantissa = bits & (2 ** mantissaBits - 1);
  if (exponent === 2 * bias + 1) return mantissa === 0 ? sign * Infinity : Number.NaN;
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias);
}
