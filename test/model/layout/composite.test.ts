import { describe, expect, it } from 'vitest';
import { blendColors } from '../../../model/layout/blend.ts';
import {
  compositeLayers,
  cropPixels,
  premultiply,
  premultiplyBytes,
  toBytes,
  toWindow8,
  unpremultiply,
} from '../../../model/layout/composite.ts';
import { BLEND_MODES } from '../../../model/layout/design-schema.ts';
import type { Box } from '../../../model/layout/design-schema.ts';
import { ShapeError } from '../../../runtime/errors.ts';

const solid = (count: number, rgba: readonly number[]): Uint8Array =>
  Uint8Array.from({ length: 4 * count }, (_, i) => rgba[i % 4]!);
const unit: Box = [0, 0, 1, 1];

describe('compositeLayers', () => {
  it('gives transparent black for no layer and for layers beyond the canvas', () => {
    expect(compositeLayers([], [0, 0, 2, 1])).toEqual(new Float32Array(8));
    expect(compositeLayers([{ box: [5, 5, 6, 6], pixels: solid(1, [9, 9, 9, 255]) }], [0, 0, 2, 1])).toEqual(
      new Float32Array(8),
    );
  });

  it('cuts a layer that sticks out on every side to its own pixels', () => {
    const pixels = new Uint8Array(4 * 16);
    for (let i = 0; i < 16; i++) pixels.set([i, 0, 0, 255], 4 * i);
    const out = compositeLayers([{ box: [-1, -1, 3, 3], pixels }], [0, 0, 2, 2]);
    expect(Array.from(toBytes(out)).filter((_, i) => i % 4 === 0)).toEqual([5, 6, 9, 10]);
  });

  it('weighs by alpha and opacity, and an opaque layer hides what is below', () => {
    const red = { box: unit, pixels: solid(1, [255, 0, 0, 255]) };
    const blue = { box: unit, pixels: solid(1, [0, 0, 255, 255]), opacity: 0.25 };
    expect(Array.from(compositeLayers([red, blue], unit))).toEqual([0.75, 0, 0.25, 1]);
    expect(Array.from(compositeLayers([blue, red], unit))).toEqual([1, 0, 0, 1]);
    expect(Array.from(compositeLayers([blue], unit))).toEqual([0, 0, 0.25, 0.25]);
  });

  it('takes floats as premultiplied and bytes as straight', () => {
    const bytes = solid(1, [200, 100, 50, 128]);
    const byBytes = compositeLayers([{ box: unit, pixels: bytes, opacity: 0.5 }], unit);
    const byFloats = compositeLayers([{ box: unit, pixels: premultiplyBytes(bytes), opacity: 0.5 }], unit);
    expect(byFloats).toEqual(byBytes);
  });

  it('names a picture that is not as large as its box', () => {
    expect(() => compositeLayers([{ box: [0, 0, 2, 2], pixels: new Uint8Array(12) }], unit)).toThrow(
      new ShapeError(
        'composite: pixels must be [2, 2, 4] for box [0, 0, 2, 2], got 12 values. Resize the picture to its box.',
      ),
    );
    expect(() => compositeLayers([], [0, 0, 0, 2])).toThrow(ShapeError);
  });

  it.each(BLEND_MODES)(
    'blend %s equals the formula on half transparent colours, and source-over on nothing',
    (mode) => {
      const below = [0.8, 0.3, 0.1, 0.6] as const;
      const above = [0.2, 0.9, 0.5, 0.7] as const;
      const float = ([r, g, b, a]: readonly number[]) => premultiply(Float32Array.of(r!, g!, b!, a!));
      const out = compositeLayers(
        [
          { box: unit, pixels: float(below) },
          { box: unit, pixels: float(above), blend: mode },
        ],
        unit,
      );
      const mixed = blendColors(mode, [below[0], below[1], below[2]], [above[0], above[1], above[2]]);
      for (let c = 0; c < 3; c++) {
        const expected =
          above[3] * (1 - below[3]) * above[c]! +
          above[3] * below[3] * mixed[c]! +
          (1 - above[3]) * below[3] * below[c]!;
        expect(out[c]).toBeCloseTo(expected, 6);
      }
      expect(out[3]).toBeCloseTo(0.7 + 0.6 * 0.3, 6);
      const alone = compositeLayers([{ box: unit, pixels: float(above), blend: mode }], unit);
      expect(Array.from(alone, (v) => v.toFixed(5))).toEqual(Array.from(float(above), (v) => v.toFixed(5)));
    },
  );
});

describe('blendColors', () => {
  // By hand from the formulas of W3C Compositing level 1.
  it.each([
    ['multiply', [0.4, 0.1, 0.25]],
    ['screen', [0.9, 0.6, 0.75]],
    ['overlay', [0.8, 0.2, 0.5]],
    ['darken', [0.5, 0.2, 0.5]],
    ['lighten', [0.8, 0.5, 0.5]],
    ['color-dodge', [1, 0.4, 1]],
    ['color-burn', [0.6, 0, 0]],
    ['hard-light', [0.8, 0.2, 0.5]],
    ['soft-light', [0.8, 0.2, 0.5]],
    ['difference', [0.3, 0.3, 0]],
    ['exclusion', [0.5, 0.5, 0.5]],
    ['normal', [0.5, 0.5, 0.5]],
    // Grey has no saturation and luminosity 0.5; the backdrop's luminosity is 0.413.
    ['hue', [0.413, 0.413, 0.413]],
    ['saturation', [0.413, 0.413, 0.413]],
    ['color', [0.413, 0.413, 0.413]],
    ['luminosity', [0.887, 0.287, 0.587]],
  ] as const)('%s', (mode, expected) => {
    const mixed = blendColors(mode, [0.8, 0.2, 0.5], [0.5, 0.5, 0.5]);
    for (let c = 0; c < 3; c++) expect(mixed[c]).toBeCloseTo(expected[c]!, 9);
  });

  it('hard-light and overlay change their formula at one half', () => {
    expect(blendColors('hard-light', [0.8, 0.8, 0.8], [0.45, 0.5, 0.55])).toEqual(
      [0.8 * 0.9, 0.8, 0.8 + (2 * 0.55 - 1) * (1 - 0.8)].map((v) => expect.closeTo(v, 9) as number),
    );
    expect(blendColors('overlay', [0.45, 0.5, 0.55], [0.8, 0.8, 0.8])).toEqual(
      blendColors('hard-light', [0.8, 0.8, 0.8], [0.45, 0.5, 0.55]),
    );
  });

  it.each(BLEND_MODES)('%s stays within 0..1 on the corners of the cube', (mode) => {
    const ends = [0, 0.25, 0.5, 1];
    for (const b of ends) {
      for (const s of ends) {
        for (const value of blendColors(mode, [b, 1 - b, 0.5], [s, 0.3, 1 - s])) {
          expect(value).toBeGreaterThanOrEqual(-1e-12);
          expect(value).toBeLessThanOrEqual(1 + 1e-12);
        }
      }
    }
  });
});

describe('bytes and alpha', () => {
  it('round trips every colour of every opaque byte, and every alpha', () => {
    for (let v = 0; v < 256; v++) {
      expect(Array.from(toBytes(premultiplyBytes(Uint8Array.of(v, 255 - v, 7, 255))))).toEqual([v, 255 - v, 7, 255]);
      const [r, , , a] = toBytes(premultiplyBytes(Uint8Array.of(255, 0, 0, v)));
      expect([r, a]).toEqual(v === 0 ? [0, 0] : [255, v]);
    }
  });

  it('rounds half up, clamps, and clears the colour of an invisible pixel', () => {
    expect(Array.from(toBytes(Float32Array.of(0.9, 0.9, 0.9, 0.9)))).toEqual([255, 255, 255, 230]);
    expect(Array.from(toBytes(Float32Array.of(0.5, 2, -1, 1)))).toEqual([128, 255, 0, 255]);
    expect(Array.from(toBytes(Float32Array.of(0.001, 0.001, 0, 0.0019)))).toEqual([0, 0, 0, 0]);
    expect(Array.from(unpremultiply(Float32Array.of(0.3, 0.3, 0.3, 0)))).toEqual([0, 0, 0, 0]);
  });

  it('cuts the window out of the canvas, transparent where the canvas ends', () => {
    const canvas: Box = [-1, 0, 2, 1];
    const pixels = Float32Array.of(1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1);
    expect(Array.from(toWindow8(pixels, canvas, [3, 1]))).toEqual([0, 255, 0, 255, 0, 0, 255, 255, 0, 0, 0, 0]);
    expect(Array.from(cropPixels(pixels, canvas, [5, 5, 6, 6]))).toEqual([0, 0, 0, 0]);
    expect(() => toWindow8(pixels, unit, [1, 1])).toThrow(ShapeError);
  });
});
