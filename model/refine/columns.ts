import type { SeenLayer } from './seen-layer.ts';

/** The layers that cover a pixel, bottom first. */
export interface Column {
  readonly layers: readonly SeenLayer[];
  /** Index of the pixel in each layer's planes. */
  readonly at: Int32Array;
}

/** Rows of a picture `width` pixels wide, from `top` up to but without `end`. */
export interface Band {
  readonly width: number;
  readonly top: number;
  readonly end: number;
}

/**
 * Calls `visit` for every pixel of a band that layers cover; `pixel` counts from the picture's top-left corner. The column is
 * the same object for all pixels of a run: read it at once.
 *
 * @param layers bottom first
 */
export function forEachColumn(
  layers: readonly SeenLayer[],
  { width, top, end }: Band,
  visit: (column: Column, pixel: number) => void,
): void {
  const within = (x: number): number => Math.min(width, Math.max(0, x));
  for (let y = top; y < end; y++) {
    const row = layers.filter(({ box }) => y >= box[1] && y < box[3]);
    const borders = [...new Set(row.flatMap(({ box }) => [within(box[0]), within(box[2])]))].sort((a, b) => a - b);
    for (let b = 0; b + 1 < borders.length; b++) {
      const [from, to] = [borders[b], borders[b + 1]];
      const cover = row.filter(({ box }) => from >= box[0] && from < box[2]);
      if (cover.length === 0) continue;
      const at = Int32Array.from(cover, ({ box, width: stride }) => (y - box[1]) * stride + from - box[0]);
      const column = { layers: cover, at };
      for (let x = from; x < to; x++) {
        visit(column, y * width + x);
        for (let i = 0; i < at.length; i++) at[i]++;
      }
    }
  }
}
