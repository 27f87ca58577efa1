import { DTypeError, ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { requireSizes } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits } from '../unit-grid.ts';
import { wgsl as body } from './fill-random.wgsl.ts';
import { wgsl as wordsBf16 } from './words-bf16.wgsl.ts';
import { wgsl as wordsF16 } from './words-f16.wgsl.ts';
import { wgsl as wordsF32 } from './words-f32.wgsl.ts';
import { wgsl as wordsI8 } from './words-i8.wgsl.ts';

const OP = 'fill_random';
const WORDS = { f32: wordsF32, f16: wordsF16, bf16: wordsBf16, i8: wordsI8 } as const;

/** Random data made on the device, for benches of models whose weights are not at hand. */
export interface FillRandomOptions {
  /** 32-bit words of the buffer: one f32, two f16 or bf16, four i8 each. */
  readonly words: number;
  readonly dtype: 'f32' | 'f16' | 'bf16' | 'i8';
  /** u32: the same seed gives the same values on every device, up to the rounding of the dtype. */
  readonly seed: number;
  /** Values lie in [-scale, scale); 1 where absent. Codes of i8 take all of -127 ... 127 whatever it is. */
  readonly scale?: number;
}

/**
 * Plans out = uniform random values from a hash of their index. Binding: out.
 *
 * @throws ShapeError if `words` is not a positive whole number or the values have more than 32-bit numbers
 * @throws DTypeError if the scale is not finite
 */
export function planFillRandom(facts: DeviceFacts, options: FillRandomOptions): KernelPlan {
  const { words, dtype, seed, scale = 1 } = options;
  requireSizes(OP, { words });
  if (!Number.isFinite(scale)) throw new DTypeError(`${OP}: scale must be a finite number, got ${scale}.`);
  const perWord = { f32: 1, f16: 2, bf16: 2, i8: 4 }[dtype];
  if (words * perWord > 0xffffffff)
    throw new ShapeError(`${OP}: ${words} words hold more than 2^32 values. Split them.`);
  const grid = layUnits(OP, facts, words, 'scalar');
  // The width part of the unit grid is for bodies that read by W; this one writes whole words.
  return {
    op: OP,
    variant: dtype,
    sources: [...grid.sources.slice(1), WORDS[dtype], body],
    constants: grid.constants,
    bindings: [{ name: 'out', access: 'read_write', byteLength: words * 4 }],
    uniform: packUniform([{ u32: words }, { u32: seed >>> 0 }, { f32: scale }]),
    workgroups: grid.workgroups,
    flops: 0,
    bytes: words * 4,
  };
}
