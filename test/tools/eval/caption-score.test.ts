import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { captionShare, findLayer, hitsColour, hitsColourAndShape } from '../../../tools/eval/caption-score.ts';
import type { WantedLayer } from '../../../tools/eval/caption-score.ts';
import type { Sheet } from '../../../tools/eval/eval-layer.ts';
import { largestMatching } from '../../../tools/eval/matching.ts';
import { COLOUR_NAMES, meanColour, NAMED_COLOURS, nearestColour } from '../../../tools/eval/named-colours.ts';
import type { ColourName, Rgb } from '../../../tools/eval/named-colours.ts';
import { SHAPE_DISTANCES, SHAPE_NAMES } from '../../../tools/eval/shape-distance.ts';
import type { ShapeName } from '../../../tools/eval/shape-distance.ts';
import { drawTemplates, fitShapes, hasShape, outlineOf } from '../../../tools/eval/shape-match.ts';

const templates = drawTemplates();

/** A shape of half sizes a, b on a sheet of 64 x 64, with a soft edge. */
function draw(
  name: ShapeName,
  colour: Rgb,
  [a, b, turn = 0, alpha = 1]: readonly [number, number, number?, number?] = [22, 22],
): Sheet {
  const data = new Float32Array(4 * 64 * 64);
  for (let i = 0; i < 64 * 64; i++) {
    const [x, y] = [(i % 64) + 0.5 - 32, Math.floor(i / 64) + 0.5 - 32];
    const [c, s] = [Math.cos(turn), Math.sin(turn)];
    const distance = SHAPE_DISTANCES[name](c * x + s * y, c * y - s * x, a, b);
    const cover = alpha * Math.min(1, Math.max(0, 0.5 - distance));
    data.set([...colour.map((value) => value * cover), cover], 4 * i);
  }
  return { width: 64, height: 64, data };
}

describe('named colours', () => {
  test("are those of the designs' generator", () => {
    const source = readFileSync(new URL('../../../tools/train/palette.py', import.meta.url), 'utf8');
    const found = [...source.matchAll(/^ {4}"(\w+)": \(([\d., ]+)\),$/gmu)].map(([, name, numbers]) => [
      name,
      (numbers ?? '').split(',').map(Number),
    ]);
    expect(found).toEqual(Object.entries(NAMED_COLOURS).map(([name, rgb]) => [name, [...rgb]]));
  });

  test('are nearest to themselves', () => {
    for (const name of COLOUR_NAMES) expect(nearestColour(NAMED_COLOURS[name])).toBe(name);
    expect(nearestColour([0.05, 0.1, 0.3])).toBe('navy');
  });

  test('mean colour leaves out shadows and soft edges', () => {
    const sheet = draw('circle', [1, 0, 0]);
    for (let at = 0; at < 4 * 64 * 8; at += 4) sheet.data.set([0, 0, 0, 0.4], at);
    expect(meanColour(sheet)).toEqual([1, 0, 0]);
    expect(meanColour(draw('circle', [1, 0, 0], [22, 22, 0, 0.1]))).toBeUndefined();
    const sheer = meanColour(draw('circle', [1, 0.5, 0], [22, 22, 0, 0.5]));
    expect(sheer?.[1]).toBeCloseTo(0.5, 5);
  });
});

describe('largest matching', () => {
  test('of names is the overlap of their multisets', () => {
    const overlap = (found: string, wanted: string): number =>
      largestMatching(found.split('').map((f) => wanted.split('').map((w) => f === w)));
    expect(overlap('rrb', 'rbb')).toBe(2);
    expect(overlap('rrr', 'r')).toBe(1);
    expect(overlap('', 'r')).toBe(0);
    expect(overlap('gb', 'ry')).toBe(0);
  });

  test('moves earlier pairs to make room', () => {
    // The first could have both, the second only what the first took.
    expect(largestMatching([[true, true], [true, false]])).toBe(2); // prettier-ignore
  });
});

describe('shapes', () => {
  const shapeOf = (sheet: Sheet): string => {
    const outline = outlineOf(sheet);
    if (!outline) return 'nothing';
    const [best] = [...fitShapes(outline, templates)].sort((a, b) => b[1] - a[1]);
    return best?.[0] ?? 'nothing';
  };

  test.each(SHAPE_NAMES)('%s is told from all others', (name) => {
    const halves: Partial<Record<ShapeName, readonly [number, number]>> = {
      rectangle: [26, 17],
      pill: [26, 12],
      arch: [16, 23],
    };
    const half = halves[name] ?? [21, 21];
    expect(shapeOf(draw(name, [1, 0, 0], half))).toBe(name);
  });

  test('tilted, sheer and off the centre', () => {
    expect(shapeOf(draw('star', [1, 0, 0], [20, 20, 0.25]))).toBe('star');
    expect(shapeOf(draw('heart', [1, 0, 0], [20, 20, -0.15, 0.4]))).toBe('heart');
  });

  test('have the distances of the functions that draw them', () => {
    const file = new URL('../../golden/metrics/shapes.json', import.meta.url);
    const { shapes } = JSON.parse(readFileSync(file, 'utf8')) as {
      shapes: Record<string, [number, number, number, number, number][]>;
    };
    expect(Object.keys(shapes)).toEqual(SHAPE_NAMES);
    for (const name of SHAPE_NAMES)
      for (const [x, y, a, b, distance] of shapes[name] ?? [])
        expect(SHAPE_DISTANCES[name](x, y, a, b), `${name} at ${x}, ${y}`).toBeCloseTo(distance, 6);
  });

  test('a cut shape is compared with its truth', () => {
    const whole = draw('star', [1, 0, 0]);
    const cut: Sheet = { ...whole, data: whole.data.map((value, i) => ((i >> 2) % 64 < 30 ? 0 : value)) };
    const [outline, truth] = [outlineOf(cut), outlineOf(cut)];
    if (!outline || !truth) throw new TypeError('empty');
    const fits = fitShapes(outline, templates);
    expect(Math.max(...fits.values())).not.toBe(fits.get('star'));
    expect(hasShape(outline, fits, 'star', truth)).toBe(true);
    expect(hasShape(outline, fits, 'circle', outlineOf(draw('circle', [1, 0, 0])) ?? truth)).toBe(false);
  });

  test('what fits nothing well is no shape at all', () => {
    const dots: Sheet = { width: 64, height: 64, data: new Float32Array(4 * 64 * 64) };
    for (const at of [0, 63, 64 * 63, 64 * 64 - 1]) dots.data.set([1, 1, 1, 1], 4 * at);
    const outline = outlineOf(dots);
    const truth = outlineOf(draw('square', [1, 0, 0]));
    if (!outline || !truth) throw new TypeError('empty');
    expect(hasShape(outline, fitShapes(outline, templates), 'square', truth)).toBe(false);
  });
});

describe('caption hits', () => {
  const wanted = (colour: ColourName, element: ShapeName, trueColour: Rgb = NAMED_COLOURS[colour]): WantedLayer => ({
    colour,
    element,
    trueColour,
    trueOutline: outlineOf(draw(element, trueColour)),
  });
  const found = (colour: Rgb, element: ShapeName) => findLayer(draw(element, colour), templates);

  test('colour: by word, or near the true colour', () => {
    expect(hitsColour(found(NAMED_COLOURS.red, 'star'), wanted('red', 'star'))).toBe(true);
    expect(hitsColour(found(NAMED_COLOURS.blue, 'star'), wanted('red', 'star'))).toBe(false);
    // A pale red is nearest to pink, but it is what the true layer looks like.
    const pale: Rgb = [0.95, 0.5, 0.6];
    expect(nearestColour(pale)).toBe('pink');
    expect(hitsColour(found(pale, 'star'), wanted('red', 'star', [0.95, 0.45, 0.5]))).toBe(true);
    expect(hitsColour(found(pale, 'star'), wanted('red', 'star'))).toBe(false);
    expect(hitsColour({ colour: undefined }, wanted('red', 'star'))).toBe(false);
  });

  test('colour and shape', () => {
    expect(hitsColourAndShape(found(NAMED_COLOURS.red, 'star'), wanted('red', 'star'))).toBe(true);
    expect(hitsColourAndShape(found(NAMED_COLOURS.red, 'circle'), wanted('red', 'star'))).toBe(false);
    expect(hitsColourAndShape(found(NAMED_COLOURS.blue, 'star'), wanted('red', 'star'))).toBe(false);
  });

  test('regions of a text prompt are anonymous, but each counts once', () => {
    const want = [wanted('red', 'star'), wanted('blue', 'circle'), wanted('red', 'circle')];
    const [red, blue] = [NAMED_COLOURS.red, NAMED_COLOURS.blue];
    expect(captionShare([found(blue, 'circle'), found(red, 'circle'), found(red, 'star')], want, hitsColour)).toBe(1);
    expect(captionShare([found(red, 'star'), found(red, 'star'), found(red, 'star')], want, hitsColour)).toBeCloseTo(
      2 / 3,
    );
    expect(
      captionShare([found(red, 'star'), found(red, 'star'), found(red, 'star')], want, hitsColourAndShape),
    ).toBeCloseTo(1 / 3);
    expect(captionShare([], want, hitsColour)).toBe(0);
  });
});
