import { f16round } from '@petamoriken/float16';

import { UsageError } from '../../runtime/errors.ts';
import { boxMuller16, boxMuller16Double } from './box-muller.ts';
import { roundToBfloat16 } from './float-rounding.ts';
import { Mt19937 } from './mt19937.ts';

/** Element types that the generator draws. f16 and bf16 come back as float32 arrays of exactly representable values. */
export type TorchRandomDType = 'f32' | 'f64' | 'f16' | 'bf16';

/** Array that a draw of each element type comes in. */
export type TorchRandomArray<D extends TorchRandomDType> = D extends 'f64' ? Float64Array : Float32Array;

const BLOCK = 16;
const ROUND: Readonly<Record<'f32' | 'f16' | 'bf16', (x: number) => number>> = {
  f32: Math.fround,
  f16: f16round,
  bf16: roundToBfloat16,
};

/**
 * The CPU generator of PyTorch 2.15 (x86-64 with AVX2 and FMA): the same values from the same seed and calls.
 *
 * f32, f16 and bf16 draws are equal bit for bit; f64 normals to 1e-14 (the last bit of a double logarithm or sine differs
 * between libraries). On other CPUs PyTorch itself differs by up to 2.3e-6. `golden/kinds-qwen.md`, kind `rng`, describes
 * the algorithm; draws depend on everything drawn before from the same generator.
 */
export class TorchRng {
  readonly #engine: Mt19937;
  #kept: number | undefined;

  /**
   * @param seed as for `torch.Generator.manual_seed`: an integer; only its low 32 bits count
   * @throws UsageError if the seed is not a safe integer or a bigint
   */
  constructor(seed: number | bigint) {
    if (typeof seed === 'number' && !Number.isSafeInteger(seed)) {
      throw new UsageError(
        `torch_rng: seed must be an integer below 2^53, got ${seed}. Pass a bigint for larger seeds.`,
      );
    }
    this.#engine = new Mt19937(Number(BigInt.asUintN(32, BigInt(seed))));
  }

  /**
   * Uniform numbers in [0, 1), as `torch.rand`.
   *
   * @param count number of values, >= 0
   * @param dtype element type; f16 and bf16 values are rounded, and 0 where that gave 1
   */
  rand(count: number): Float32Array;
  rand<D extends TorchRandomDType>(count: number, dtype: D): TorchRandomArray<D>;
  rand(count: number, dtype: TorchRandomDType = 'f32'): Float32Array | Float64Array {
    checkCount(count);
    if (dtype === 'f64') return this.#fill53(new Float64Array(count), count);
    const values = this.#fill24(new Float32Array(count), count);
    if (dtype === 'f32') return values;
    const round = ROUND[dtype];
    return values.map((value) => {
      const rounded = round(value);
      return rounded === 1 ? 0 : rounded;
    });
  }

  /**
   * Standard normal numbers, as `torch.randn`.
   *
   * Fewer than 16 values are drawn one by one in double precision, in pairs whose second half is kept for the next such
   * draw; 16 or more in blocks of 16 that neither use nor clear the kept value.
   *
   * @param count number of values, >= 0
   * @param dtype element type
   */
  randn(count: number): Float32Array;
  randn<D extends TorchRandomDType>(count: number, dtype: D): TorchRandomArray<D>;
  randn(count: number, dtype: TorchRandomDType = 'f32'): Float32Array | Float64Array {
    checkCount(count);
    if (count < BLOCK) {
      const few = Float64Array.from({ length: count }, () => this.#single());
      return dtype === 'f64' ? few : Float32Array.from(few, ROUND[dtype]);
    }
    const whole = count - (count % BLOCK);
    if (dtype === 'f64') {
      const values = this.#fill53(new Float64Array(count), count);
      for (let start = 0; start < whole; start += BLOCK) boxMuller16Double(values, start);
      if (whole !== count) {
        this.#fill53(values.subarray(count - BLOCK), BLOCK);
        boxMuller16Double(values, count - BLOCK);
      }
      return values;
    }
    // The half types never draw the uniforms of an incomplete block; f32 draws and then discards them.
    const values = this.#fill24(new Float32Array(count), dtype === 'f32' ? count : whole);
    for (let start = 0; start < whole; start += BLOCK) boxMuller16(values, start);
    if (whole !== count) {
      this.#fill24(values.subarray(count - BLOCK), BLOCK);
      boxMuller16(values, count - BLOCK);
    }
    return dtype === 'f32' ? values : values.map(ROUND[dtype]);
  }

  #fill24(into: Float32Array, count: number): Float32Array {
    for (let i = 0; i < count; i++) into[i] = (this.#engine.next32() & 0xffffff) * 2 ** -24;
    return into;
  }

  #fill53(into: Float64Array, count: number): Float64Array {
    for (let i = 0; i < count; i++) into[i] = this.#uniform53();
    return into;
  }

  /** (two outputs, the first the high half, mod 2^53) / 2^53. */
  #uniform53(): number {
    const high = this.#engine.next32() & 0x1fffff;
    return (high * 2 ** 32 + this.#engine.next32()) * 2 ** -53;
  }

  #single(): number {
    const kept = this.#kept;
    if (kept !== undefined) {
      this.#kept = undefined;
      return kept;
    }
    const u1 = this.#uniform53();
    const u2 = this.#uniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-u2));
    const angle = 2 * Math.PI * u1;
    this.#kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

function checkCount(count: number): void {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new UsageError(`torch_rng: the number of values must be an integer >= 0, got ${count}.`);
  }
}
