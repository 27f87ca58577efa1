import { describe, expect, test } from 'vitest';
import type { Box } from '../../../model/layout/design-schema.ts';
import { ShapeError } from '../../../runtime/errors.ts';
import { boxAdherence } from '../../../tools/eval/box-adherence.ts';
import { alphaOf, onFrame, onGray, scoringFrame } from '../../../tools/eval/eval-layer.ts';
import type { Sheet } from '../../../tools/eval/eval-layer.ts';
import { grayLeak } from '../../../tools/eval/gray-leak.ts';
import { paletteDistance } from '../../../tools/eval/palette-distance.ts';
import { PSNR_CAP, psnr, psnrOf, squaredError } from '../../../tools/eval/psnr.ts';
import { softIou, softOverlap } from '../../../tools/eval/soft-iou.ts';
import { ssim, ssimMap } from '../../../tools/eval/ssim.ts';
import { straightL1 } from '../../../tools/eval/score-layer.ts';

/** One row of straight pixels as a sheet. */
function row(...pixels: readonly (readonly [number, number, number, number])[]): Sheet {
  const data = Float32Array.from(pixels.flatMap(([r, g, b, a]) => [r * a, g * a, b * a, a]));
  return { width: pixels.length, height: 1, data };
}

describe('frames', () => {
  const layer = { id: 'a', box: [0, 0, 2, 1] as const, rgba: Uint8Array.of(255, 0, 51, 255, 100, 100, 100, 102) };

  test('premultiply and place', () => {
    const sheet = onFrame(layer, [-1, 0, 3, 1]);
    expect([sheet.width, sheet.height]).toEqual([4, 1]);
    const expected = [0, 0, 0, 0, 1, 0, 0.2, 1, 0.15686, 0.15686, 0.15686, 0.4, 0, 0, 0, 0];
    for (const [i, value] of sheet.data.entries()) expect(value).toBeCloseTo(expected[i] as number, 4);
  });

  test('snap alpha: 1/255 is nothing, 254/255 is all, 2 and 253 stay', () => {
    const alphas = (byte: number): number =>
      alphaOf(onFrame({ id: 'a', box: [0, 0, 1, 1], rgba: Uint8Array.of(9, 9, 9, byte) }, [0, 0, 1, 1]))[0] as number;
    expect(alphas(1)).toBe(0);
    expect(alphas(2)).toBeCloseTo(2 / 255, 6);
    expect(alphas(253)).toBeCloseTo(253 / 255, 6);
    expect(alphas(254)).toBe(1);
  });

  test('lie on whole tokens, outward, and hold what was drawn beyond', () => {
    expect(scoringFrame([3, -2, 17, 16])).toEqual([0, -16, 32, 16]);
    expect(scoringFrame([0, 0, 16, 16], [-1, 4, 8, 8])).toEqual([-16, 0, 16, 16]);
  });

  test('composite on gray', () => {
    expect([...onGray(row([1, 0, 0, 1], [1, 1, 1, 0], [0, 1, 0, 0.5]))]).toEqual([
      1, 0, 0, 0.5, 0.5, 0.5, 0.25, 0.75, 0.25,
    ]);
  });

  test('refuse bytes that do not fill the box', () => {
    expect(() => onFrame({ ...layer, box: [0, 0, 3, 1] }, [0, 0, 3, 1])).toThrow(ShapeError);
    expect(() => onFrame({ ...layer, box: [0, 0, 3, 1] }, [0, 0, 3, 1])).toThrow('layer "a" must have [1, 3, 4] bytes');
  });
});

describe('PSNR', () => {
  const [a, b] = [Float32Array.of(0, 0, 1, 1), Float32Array.of(0.1, 0, 1, 0.7)];

  test('by hand', () => {
    expect(psnr(a, b, 1)).toBeCloseTo(-10 * Math.log10((0.01 + 0.09) / 4), 5);
    expect(psnr(a, b, 2)).toBeCloseTo(-10 * Math.log10((0.01 + 0.09) / 4), 5);
    expect(psnr(a, b, 1, Uint8Array.of(1, 1, 0, 0))).toBeCloseTo(-10 * Math.log10(0.005), 4);
    expect(squaredError(a, b, 2, Uint8Array.of(0, 1)).count).toBe(1);
  });

  test('is capped, and absent without pixels', () => {
    expect(psnr(a, a, 1)).toBe(PSNR_CAP);
    expect(psnrOf({ sum: 1e-9, count: 1 })).toBe(PSNR_CAP);
    expect(psnr(a, b, 1, new Uint8Array(4))).toBeUndefined();
  });

  test('refuses what does not fit', () => {
    expect(() => psnr(a, b.slice(1), 1)).toThrow(ShapeError);
    expect(() => psnr(a, b, 3)).toThrow(ShapeError);
    expect(() => psnr(a, b, 1, new Uint8Array(3))).toThrow('got 4, 4 and 3');
  });
});

describe('SSIM', () => {
  test('of flat pictures is the luminance term', () => {
    const size = { width: 12, height: 12, channels: 1 };
    const [a, b] = [new Float32Array(144).fill(0.25), new Float32Array(144).fill(0.75)];
    expect(ssim(a, b, size)).toBeCloseTo((2 * 0.25 * 0.75 + 1e-4) / (0.0625 + 0.5625 + 1e-4), 6);
  });

  test('refuses what does not fit', () => {
    expect(() => ssimMap(new Float32Array(4), new Float32Array(4), { width: 12, height: 12, channels: 1 })).toThrow(
      ShapeError,
    );
    expect(() => ssimMap(new Float32Array(120), new Float32Array(120), { width: 12, height: 10, channels: 1 })).toThrow(
      'at least 11 pixels, got 12 x 10',
    );
  });
});

describe('soft IoU', () => {
  const [p, g] = [Float32Array.of(1, 0.5, 0, 0), Float32Array.of(0.5, 1, 0.25, 0)];

  test('by hand', () => {
    expect(softOverlap(p, g)).toEqual({ intersection: 1, union: 2.25 });
    expect(softIou(softOverlap(p, g))).toBeCloseTo(1 / 2.25, 12);
    expect(softOverlap(p, g, Uint8Array.of(1, 0, 0, 1))).toEqual({ intersection: 0.5, union: 1 });
  });

  test('of two empty alphas is 1, of one empty alpha 0', () => {
    const empty = new Float32Array(4);
    expect(softIou(softOverlap(empty, empty))).toBe(1);
    expect(softIou(softOverlap(empty, g))).toBe(0);
  });

  test('refuses what does not fit', () => {
    expect(() => softOverlap(p, g.slice(1))).toThrow(ShapeError);
  });
});

test('gray leak counts opaque middle gray that is not in the truth', () => {
  const gray = [0.5, 0.51, 0.49, 1] as const;
  const drawn = row(gray, gray, [0.5, 0.5, 0.5, 0.89], [0.5, 0.5, 0.54, 1], [0.5, 0.5, 0.5, 0.95]);
  const truth = row([0, 0, 0, 0], gray, [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 1]);
  expect(grayLeak(drawn, truth)).toEqual({ leaked: 2, pixels: 5 });
  expect(grayLeak(truth, truth).leaked).toBe(0);
  expect(() => grayLeak(drawn, row(gray))).toThrow(ShapeError);
});

describe('palette distance', () => {
  const palette = [[1, 0, 0], [0, 0, 1]] as const; // prettier-ignore

  test('is to the nearest colour, over opaque pixels', () => {
    expect(paletteDistance(row([1, 0, 0, 1], [0, 0, 0.5, 0.6], [0, 1, 0, 0.5]), palette)).toBeCloseTo(0.25, 6);
  });

  test('an absent layer does not match, and without a palette there is nothing to say', () => {
    expect(paletteDistance(row([1, 0, 0, 0.2]), palette)).toBe(1);
    expect(paletteDistance(row([1, 0, 0, 1]), [])).toBeUndefined();
  });
});

describe('box adherence', () => {
  const block = (box: Box, alpha: number) => ({
    id: 'a',
    box,
    rgba: new Uint8Array(4 * (box[2] - box[0]) * (box[3] - box[1])).fill(alpha),
  });

  test('inside and fill by hand', () => {
    const { inside, fill } = boxAdherence(block([0, 0, 4, 2], 255), [2, 0, 6, 4]);
    expect(inside).toBe(0.5);
    expect(fill).toBe((2 * 2) / 16);
  });

  test('faint pixels count for the alpha, not for the tight box', () => {
    expect(boxAdherence(block([0, 0, 4, 4], 20), [0, 0, 4, 4])).toEqual({ inside: 1, fill: 0 });
  });

  test('an empty layer', () => {
    expect(boxAdherence(block([0, 0, 4, 4], 0), [0, 0, 4, 4])).toEqual({ inside: undefined, fill: 0 });
  });
});

test('straight L1 is where the truth has alpha, and what is missing counts as black', () => {
  const drawn = row([0.5, 0.5, 0.5, 0.5], [0, 0, 0, 0], [1, 1, 1, 1]);
  const truth = row([0.8, 0.5, 0.5, 0.2], [0, 0.6, 0, 1], [0, 0, 0, 0]);
  expect(straightL1(drawn, truth)).toBeCloseTo((0.3 / 3 + 0.6 / 3) / 2, 5);
  expect(straightL1(drawn, row([0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]))).toBeUndefined();
});
