import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binsMask, CACHE_PRESETS, presetMask } from '../../../model/cache/step-mask.ts';

const text = (mask: readonly number[]): string => mask.join('');

describe('presetMask', () => {
  it('is the published one at 28, 8, 6 and 4 steps', () => {
    expect(text(presetMask('slow', 28))).toBe('1111111101110011100110010001');
    expect(text(presetMask('medium', 8))).toBe('11110101');
    expect(text(presetMask('ultra', 8))).toBe('11001001');
    expect(text(presetMask('fast', 6))).toBe('111001');
    expect(text(presetMask('fast', 4))).toBe('1101');
  });

  it('covers every step, begins and ends computed, and reuses something', () => {
    fc.assert(
      fc.property(fc.constantFrom(...CACHE_PRESETS), fc.integer({ min: 8, max: 1000 }), (preset, steps) => {
        const mask = presetMask(preset, steps);
        expect(mask).toHaveLength(steps);
        expect([mask[0], mask[steps - 1]]).toEqual([1, 1]);
        expect(mask.includes(0)).toBe(true);
        expect(mask.every((entry) => entry === 0 || entry === 1)).toBe(true);
      }),
    );
  });

  it.each([1, 2, 3, 5, 7, 0])('refuses %d steps and says what to do', (steps) => {
    expect(() => presetMask('fast', steps)).toThrow(
      `cache: preset "fast" needs 4, 6 or at least 8 steps, got ${steps}. Give a mask of your own, or turn caching off.`,
    );
  });
});

describe('binsMask', () => {
  it('lays runs out in turn, and cuts them', () => {
    expect(text(binsMask([3, 2, 1], [2, 3]))).toBe('11100110001');
    expect(text(binsMask([3, 2, 1], [2, 3], 6))).toBe('111001');
    expect(text(binsMask([1], [1, 2]))).toBe('1000');
  });

  it('refuses bins that are too short or no counts', () => {
    expect(() => binsMask([1], [1], 3)).toThrow('cache: the bins cover 2 steps, the run has 3.');
    expect(() => binsMask([1.5], [1])).toThrow('cache: computeBins must be whole numbers of at least 0, got [1.5].');
    expect(() => binsMask([1], [-1])).toThrow('cache: cacheBins must be whole numbers');
  });
});
