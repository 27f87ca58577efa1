import { describe, expect, it } from 'vitest';
import { compositeLayers, premultiply } from '../../../model/layout/composite.ts';
import type { Box } from '../../../model/layout/design-schema.ts';
import { refineLayers, type RefineLayer } from '../../../model/refine/refine-layers.ts';
import { seeLayer } from '../../../model/refine/seen-layer.ts';
import { solveAlphas } from '../../../model/refine/solve-alphas.ts';
import { ShapeError, UsageError } from '../../../runtime/errors.ts';
import { seededRandom } from '../../support/random.ts';

type Rgb = readonly [number, number, number];

/** A disc of one colour with an edge `soft` pixels wide on a box. */
function disc(box: Box, middle: readonly [number, number], radius: number, colour: Rgb, soft: number): RefineLayer {
  return paint(box, (x, y) => {
    const distance = Math.hypot(x - middle[0], y - middle[1]) - radius;
    return [...colour, Math.min(1, Math.max(0, 0.5 - distance / soft))];
  });
}

/** Straight RGBA of each pixel's middle. */
function paint(box: Box, colourAt: (x: number, y: number) => readonly number[], opacity = 1): RefineLayer {
  const [width, height] = [box[2] - box[0], box[3] - box[1]];
  const pixels = new Float32Array(4 * width * height);
  for (let i = 0; i < width * height; i++)
    pixels.set(colourAt(box[0] + (i % width) + 0.5, box[1] + Math.floor(i / width) + 0.5), 4 * i);
  return { box, pixels, opacity };
}

const [W, H] = [61, 43];
const WINDOW: Box = [0, 0, W, H];
const RED: Rgb = [0.9, 0.2, 0.15];
const BLUE: Rgb = [0.1, 0.3, 0.8];

const gradient = (shift: number): RefineLayer => paint(WINDOW, (x) => [0.8 - x / 200 + shift, 0.85 + shift, 0.9, 1]);

function flat(layers: readonly RefineLayer[]): Float32Array {
  return compositeLayers(
    layers.map(({ box, pixels, opacity }) => ({ box, pixels: premultiply(pixels), opacity })),
    WINDOW,
  );
}

/** The truth, and what a network might make of it: edges too soft and at the wrong place, colours a little off. */
function scene(): { truth: RefineLayer[]; drawn: RefineLayer[]; picture: Float32Array } {
  const boxes: readonly Box[] = [
    [4, 3, 40, 38],
    [-9, 18, 30, 52],
  ];
  const truth = [gradient(0), disc(boxes[0], [23, 19], 14, RED, 1), disc(boxes[1], [8, 33], 15, BLUE, 1)];
  const drawn = [
    gradient(0.03),
    disc(boxes[0], [24, 18], 13.2, [0.85, 0.25, 0.2], 4),
    disc(boxes[1], [9, 33.5], 15.5, [0.15, 0.35, 0.75], 4),
  ];
  return { truth, drawn, picture: flat(truth) };
}

function alphaIou(a: Float32Array, b: Float32Array): number {
  let [low, high] = [0, 0];
  for (let i = 3; i < a.length; i += 4) {
    low += Math.min(a[i], b[i]);
    high += Math.max(a[i], b[i]);
  }
  return low / high;
}

function psnr(a: Float32Array, b: Float32Array): number {
  const sum = a.reduce((total, value, i) => total + (value - b[i]) ** 2, 0);
  return -10 * Math.log10(sum / a.length);
}

const withPixels = (layers: readonly RefineLayer[], pixels: readonly Float32Array[]): RefineLayer[] =>
  layers.map((layer, i) => ({ ...layer, pixels: pixels[i] }));

describe('refineLayers', () => {
  it('gives layers that make the picture again, with its edges', async () => {
    const { truth, drawn, picture } = scene();
    const refined = await refineLayers(drawn, picture, W, H);
    expect(psnr(flat(drawn), picture)).toBeLessThan(30);
    expect(psnr(flat(withPixels(drawn, refined)), picture)).toBeGreaterThan(38);
    for (const i of [1, 2]) {
      const before = alphaIou(drawn[i].pixels, truth[i].pixels);
      expect(1 - alphaIou(refined[i], truth[i].pixels)).toBeLessThan(0.7 * (1 - before));
    }
  });

  it('carries the change of what is seen on to what is hidden', async () => {
    const { truth, drawn, picture } = scene();
    const [background] = await refineLayers(drawn, picture, W, H);
    const hidden = [...Array(W * H).keys()].filter(isInside);
    const error = (pixels: Float32Array): number =>
      Math.max(...hidden.map((i) => Math.abs(pixels[4 * i + 1] - truth[0].pixels[4 * i + 1])));
    expect(error(drawn[0].pixels)).toBeGreaterThan(0.029);
    expect(error(background)).toBeLessThan(0.012);
    function isInside(i: number): boolean {
      return Math.hypot((i % W) + 0.5 - 23, Math.floor(i / W) + 0.5 - 19) < 9;
    }
  });

  it('leaves layers alone that give the picture already', async () => {
    const { truth, picture } = scene();
    const refined = await refineLayers(truth, picture, W, H);
    for (const [i, layer] of truth.entries()) {
      for (let p = 3; p < layer.pixels.length; p += 4)
        expect(Math.abs(refined[i][p] - layer.pixels[p])).toBeLessThan(0.06);
      expect(alphaIou(refined[i], layer.pixels)).toBeGreaterThan(0.99);
    }
  });

  it.each([0.3, 0.5, 0.7])('takes opacity %d into account: alpha stays that of the layer', async (opacity) => {
    const { truth, drawn } = scene();
    const seenAs = (layers: readonly RefineLayer[]): RefineLayer[] =>
      layers.map((layer, i) => (i === 1 ? { ...layer, opacity } : layer));
    const picture = flat(seenAs(truth));
    const refined = await refineLayers(seenAs(drawn), picture, W, H);
    const before = alphaIou(drawn[1].pixels, truth[1].pixels);
    expect(1 - alphaIou(refined[1], truth[1].pixels)).toBeLessThan(0.8 * (1 - before));
    expect(psnr(flat(seenAs(withPixels(drawn, refined))), picture)).toBeGreaterThan(36);
  });

  it('leaves no film where a layer is plainly empty, whatever lies below', async () => {
    const box: Box = [2, 2, 50, 40];
    const empty = paint(box, () => [0, 0, 0, 0]);
    const small = disc(box, [40, 10], 4, RED, 2);
    const refined = await refineLayers([gradient(-0.3), empty, small], flat([gradient(0), small]), W, H);
    expect(Math.max(...refined[1])).toBe(0);
    for (let i = 0; i < small.pixels.length; i += 4) {
      const [x, y] = [2.5 + ((i / 4) % 48), 2.5 + Math.floor(i / 4 / 48)];
      if (Math.hypot(x - 40, y - 10) > 9) expect(refined[2][i + 3]).toBe(0);
    }
  });

  it('does not let one bad number spoil its surroundings', async () => {
    const { drawn, picture } = scene();
    const good = await refineLayers(drawn, picture, W, H);
    const spoilt = drawn.map((layer) => ({ ...layer, pixels: Float32Array.from(layer.pixels) }));
    spoilt[1].pixels[4 * (10 * 36 + 20)] = Number.NaN;
    const given = Float32Array.from(picture);
    given[4 * (40 * W + 60)] = Number.NaN;
    const refined = await refineLayers(spoilt, given, W, H);
    for (const [i, pixels] of refined.entries()) {
      expect(pixels.every(Number.isFinite)).toBe(true);
      const moved = pixels.reduce((sum, value, p) => sum + Math.abs(value - good[i][p]), 0) / pixels.length;
      expect(moved).toBeLessThan(2e-3);
    }
  });

  it('works on a line, with a layer of one pixel, and on no layers at all', async () => {
    expect(await refineLayers([], flat([gradient(0)]), W, H)).toEqual([]);
    const layers = [paint([0, 0, 9, 1], () => [0.5, 0.5, 0.5, 1]), paint([4, 0, 5, 1], () => [1, 0, 0, 0.5])];
    const picture = Float32Array.from({ length: 36 }, (_, i) => (i % 4 === 3 ? 1 : 0.25));
    const refined = await refineLayers(layers, picture, 9, 1);
    expect(refined.map(({ length }) => length)).toEqual([36, 4]);
    expect(refined[0][0]).toBeCloseTo(0.25, 2);
  });

  it('gives others a turn and stops when aborted', async () => {
    const abort = new AbortController();
    const size = 256;
    const box: Box = [0, 0, size, size];
    const layers = Array.from({ length: 8 }, (_, n) => paint(box, (x, y) => [x / size, y / size, n / 8, 0.5]));
    const picture = new Float32Array(4 * size * size).fill(0.5);
    const run = refineLayers(layers, picture, size, size, { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 1);
    await expect(run).rejects.toThrow('enough');
  });

  it('changes no alpha beyond the picture, nothing of a layer outside it, and not its input', async () => {
    const { drawn, picture } = scene();
    const outside = disc([W + 2, -30, W + 20, -12], [W + 11, -21], 7, RED, 2);
    const given = [...drawn, outside].map(({ pixels }) => Float32Array.from(pixels));
    const refined = await refineLayers([...drawn, outside], picture, W, H);
    expect([...drawn, outside].map(({ pixels }) => pixels)).toEqual(given);
    const { box, pixels } = drawn[2];
    const width = box[2] - box[0];
    for (let i = 0; i < pixels.length / 4; i++) {
      const [x, y] = [box[0] + (i % width), box[1] + Math.floor(i / width)];
      if (x < 0 || y >= H) expect(refined[2][4 * i + 3]).toBe(pixels[4 * i + 3]);
    }
    for (let i = 0; i < outside.pixels.length; i += 4) {
      expect(refined[3][i + 3]).toBe(outside.pixels[i + 3]);
      if (outside.pixels[i + 3] > 0)
        for (let c = 0; c < 3; c++) expect(refined[3][i + c]).toBeCloseTo(outside.pixels[i + c], 5);
    }
  });

  it('gives finite values in 0 to 1 for pictures and layers that have nothing to do with each other', async () => {
    const source = seededRandom(5);
    const random = (): number => source.uniform(0, 1);
    for (let round = 0; round < 20; round++) {
      const size = [1 + Math.floor(20 * random()), 1 + Math.floor(20 * random())];
      const layers = Array.from({ length: Math.floor(6 * random()) }, (): RefineLayer => {
        const [x, y] = [Math.floor(30 * random()) - 12, Math.floor(30 * random()) - 12];
        const box: Box = [x, y, x + 1 + Math.floor(20 * random()), y + 1 + Math.floor(20 * random())];
        return paint(
          box,
          () => [random(), random(), random(), Math.round(2 * random()) / 2],
          random() < 0.2 ? 0 : random(),
        );
      });
      const picture = premultiply(Float32Array.from({ length: 4 * size[0] * size[1] }, () => random()));
      for (const pixels of await refineLayers(layers, picture, size[0], size[1]))
        for (const value of pixels) expect(value >= 0 && value <= 1).toBe(true);
    }
  });

  it('snaps alpha as the manifest says', async () => {
    const { drawn, picture } = scene();
    const refined = await refineLayers(drawn, picture, W, H, { alpha: { low: 0.2, high: 0.8 } });
    for (const pixels of refined)
      for (let i = 0; i < pixels.length; i += 4) {
        const alpha = pixels[i + 3];
        expect(alpha === 0 || alpha === 1 || (alpha >= Math.fround(0.2) && alpha <= Math.fround(0.8))).toBe(true);
        if (alpha === 0) expect([...pixels.subarray(i, i + 3)]).toEqual([0, 0, 0]);
      }
  });

  it('refuses what is not as large as it says, and numbers out of range', async () => {
    const { drawn, picture } = scene();
    const withBox = (box: readonly number[]): RefineLayer => ({ ...drawn[1], box: box as unknown as Box });
    await expect(refineLayers(drawn, picture.subarray(4), W, H)).rejects.toThrow(ShapeError);
    await expect(refineLayers(drawn, picture, W + 0.5, H)).rejects.toThrow(/\[43, 61.5, 4\]/);
    await expect(refineLayers([drawn[0], { ...drawn[1], pixels: new Float32Array(8) }], picture, W, H)).rejects.toThrow(
      /layers\[1\]\.pixels must be \[35, 36, 4\]/,
    );
    const wrong = [
      [0.5, 0.5, 36.5, 35.5],
      [10, 10, 0, 0],
    ];
    for (const box of wrong)
      await expect(refineLayers([withBox(box)], picture, W, H)).rejects.toThrow(/layers\[0\]\.box must be integers/);
    for (const opacity of [-0.1, 3, Number.NaN])
      await expect(refineLayers([{ ...drawn[1], opacity }], picture, W, H)).rejects.toThrow(UsageError);
    await expect(refineLayers(drawn, picture, W, H, { alpha: { low: 0.9, high: 0.1 } })).rejects.toThrow(UsageError);
  });
});

describe('solveAlphas', () => {
  it('ends where no single alpha can be moved to a higher posterior', async () => {
    const source = seededRandom(11);
    const random = (): number => source.uniform(0, 1);
    const layers = Array.from({ length: 4 }, () =>
      seeLayer(paint([0, 0, 9, 7], () => [random(), random(), random(), random()], 0.5 + random() / 2)),
    );
    const picture = premultiply(Float32Array.from({ length: 4 * 63 }, () => random()));
    for (let round = 0; round < 60; round++) solveAlphas(layers, picture, { width: 9, top: 0, end: 7 });
    for (let p = 0; p < 63; p++)
      for (const layer of layers) {
        const best = layer.alpha[p];
        const least = energy(p);
        for (const step of [-0.02, 0.02]) {
          layer.alpha[p] = Math.min(1, Math.max(0, best + step));
          expect(energy(p)).toBeGreaterThanOrEqual(least - 1e-4);
        }
        layer.alpha[p] = best;
      }

    /** Minus the log of the posterior, from its formula. */
    function energy(p: number): number {
      const at = [0, 0, 0, 0];
      let prior = 0;
      for (const { alpha, prior: mean, variance, colour, opacity } of layers) {
        const a = opacity * alpha[p];
        for (let c = 0; c < 4; c++) at[c] = a * (c < 3 ? colour[c][p] : 1) + (1 - a) * at[c];
        prior += (alpha[p] - mean[p]) ** 2 / variance[p];
      }
      return at.reduce((sum, value, c) => sum + (value - picture[4 * p + c]) ** 2 / 0.06 ** 2, prior) / 2;
    }
  });
});
