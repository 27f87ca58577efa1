import { describe, expect, it } from 'vitest';
import type { Box } from '../../../model/layout/design-schema.ts';
import { forEachColumn } from '../../../model/refine/columns.ts';
import { seeLayer } from '../../../model/refine/seen-layer.ts';

const BOXES: readonly Box[] = [
  [0, 0, 7, 5],
  [-3, 1, 4, 9],
  [2, -2, 3, 3],
  [7, 0, 9, 5],
  [5, 4, 30, 5],
];

describe('forEachColumn', () => {
  it.each([
    [0, 5],
    [2, 4],
    [3, 3],
  ])('visits each covered pixel of rows %i to %i once, with its layers bottom first', (top, end) => {
    const layers = BOXES.map((box) =>
      seeLayer({ box, pixels: new Float32Array(4 * (box[2] - box[0]) * (box[3] - box[1])), opacity: 1 }),
    );
    const visited = new Map<number, string>();
    forEachColumn(layers, { width: 7, top, end }, ({ layers: cover, at }, pixel) => {
      expect(visited.has(pixel)).toBe(false);
      visited.set(pixel, cover.map((layer, i) => `${layers.indexOf(layer)}:${at[i]}`).join(' '));
    });
    const wanted = new Map<number, string>();
    for (let y = top; y < end; y++)
      for (let x = 0; x < 7; x++) {
        const cover = BOXES.flatMap(([x0, y0, x1, y1], i) =>
          x >= x0 && x < x1 && y >= y0 && y < y1 ? [`${i}:${(y - y0) * (x1 - x0) + x - x0}`] : [],
        );
        if (cover.length > 0) wanted.set(y * 7 + x, cover.join(' '));
      }
    expect([...visited].sort(([a], [b]) => a - b)).toEqual([...wanted]);
  });
});
