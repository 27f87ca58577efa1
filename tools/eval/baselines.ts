import { cropPixels, premultiply, premultiplyBytes, toBytes } from '../../model/layout/composite.ts';
import type { Box, DesignTaskType } from '../../model/layout/design-schema.ts';
import { intersectBoxes } from '../../model/layout/overflow.ts';
import { DEFAULT_MANIFEST } from '../../model/manifest/manifest-defaults.ts';
import { refineLayers } from '../../model/refine/refine-layers.ts';
import type { EvalLayer, Sheet } from './eval-layer.ts';
import { onFrame, onGray, sizeOf } from './eval-layer.ts';
import { meanColour } from './named-colours.ts';
import type { Rgb } from './named-colours.ts';
import { flatFill } from './occlusion.ts';
import type { TestDesign, TrueLayer } from './read-test-set.ts';
import type { EvalOutput } from './score-design.ts';

/*
 * What needs no model. Every figure of a model stands beside these: a cheat that wins a metric says what the metric is
 * worth.
 */

/** A pixel differs from the box's rim when its colour is farther from the rim's median than this. */
const KEY_THRESHOLD = 0.2;

/**
 * Paste: every layer is the input's crop under its box. In restyle the layer comes back as it was given; in add the box
 * shows what is there already. Undefined where there is nothing to paste.
 */
export function pasteBaseline(task: DesignTaskType, design: TestDesign): EvalOutput | undefined {
  if (task === 't2l') return undefined;
  if (task === 'restyle') return { layers: [...design.restyle.values()].map(({ reference }) => reference) };
  const input = task === 'i2l' ? inputOf(design) : flatOf(keptLayers(design), design.window);
  const layers = generatedLayers(task, design);
  return { layers: layers.map(({ id, box }) => cropLayer(id, box, input, design.window)) };
}

/**
 * Chroma key (image to layers): a layer is what differs from the median of the input along the rim of its box; the
 * background is the flat fill.
 */
export function chromaKeyBaseline(task: DesignTaskType, design: TestDesign): EvalOutput | undefined {
  if (task !== 'i2l') return undefined;
  const input = inputOf(design);
  return {
    layers: design.layers.map((layer) =>
      layer.isBackground ? flatBackground(design) : keyLayer(layer, input, design.window),
    ),
  };
}

/** Chroma key, refined against the input as a model's layers are: what refinement makes of layers that no network drew. */
export async function refinedKeyBaseline(task: DesignTaskType, design: TestDesign): Promise<EvalOutput | undefined> {
  const keyed = chromaKeyBaseline(task, design);
  if (!keyed) return undefined;
  const { width, height, data } = design.composed;
  const floats = (bytes: ArrayLike<number>): Float32Array => Float32Array.from(bytes, (byte) => byte / 255);
  const stack = keyed.layers.map(({ box, rgba }) => ({ box, pixels: floats(rgba), opacity: 1 }));
  const { alpha } = DEFAULT_MANIFEST;
  const refined = await refineLayers(stack, floats(data), width, height, { alpha });
  return { layers: keyed.layers.map(({ id, box }, i) => ({ id, box, rgba: toBytes(premultiply(refined[i])) })) };
}

/**
 * Flat fill: the background is the mean of its free pixels; a foreground layer is its whole box in one colour: the mean of
 * the input there, or of the kept elements where there is no input.
 */
export function flatFillBaseline(task: DesignTaskType, design: TestDesign): EvalOutput | undefined {
  if (task === 't2l') return undefined;
  const input = inputOf(design);
  const kept = mixOf(paletteOf(design));
  return {
    layers: generatedLayers(task, design).map((layer) => {
      if (task !== 'i2l') return fillBox(layer, kept);
      if (layer.isBackground) return flatBackground(design);
      const crop = cropLayer(layer.id, layer.box, input, design.window);
      return fillBox(layer, meanColour(onFrame(crop, crop.box)) ?? MIDDLE);
    }),
  };
}

/**
 * Chance: the true layers of another design with as many of them, moved into this design's boxes. It says how often a
 * model that draws plausible layers and never reads the caption would hit.
 *
 * @param other the design whose layers are taken
 */
export function otherDesignBaseline(
  task: DesignTaskType,
  design: TestDesign,
  other: TestDesign,
): EvalOutput | undefined {
  if (task !== 't2l' && task !== 'add') return undefined;
  const own = generatedLayers(task, design).filter((layer) => !layer.isBackground);
  const foreign = generatedLayers(task, other).filter((layer) => !layer.isBackground);
  const [background] = other.layers;
  const moved = own.flatMap(({ id, box }, i) => {
    const source = foreign[i % Math.max(1, foreign.length)];
    if (!source) return [];
    const [w, h] = sizeOf(source.box);
    return [{ id, box: [box[0], box[1], box[0] + w, box[1] + h] as const, rgba: source.rgba }];
  });
  const back = design.layers[0];
  return { layers: task === 't2l' ? [{ ...background, id: back.id }, ...moved] : moved };
}

const MIDDLE: Rgb = [0.5, 0.5, 0.5];

function generatedLayers(task: DesignTaskType, design: TestDesign): TrueLayer[] {
  if (task === 't2l' || task === 'i2l') return [...design.layers];
  return design.layers.filter(({ id }) => design.targets.includes(id));
}

function keptLayers(design: TestDesign): TrueLayer[] {
  return design.layers.filter(({ id }) => !design.targets.includes(id));
}

function inputOf({ composed }: TestDesign): Sheet {
  return { width: composed.width, height: composed.height, data: premultiplyBytes(composed.data) };
}

/** Layers over each other in the window. */
function flatOf(layers: readonly EvalLayer[], window: Box): Sheet {
  const [width, height] = sizeOf(window);
  const data = new Float32Array(4 * width * height);
  for (const layer of layers) {
    const top = onFrame(layer, window).data;
    for (let at = 0; at < data.length; at += 4) {
      const rest = 1 - top[at + 3];
      for (let c = at; c < at + 4; c++) data[c] = top[c] + data[c] * rest;
    }
  }
  return { width, height, data };
}

function cropLayer(id: string, box: Box, input: Sheet, window: Box): EvalLayer {
  return { id, box, rgba: toBytes(cropPixels(input.data, window, box)) };
}

function keyLayer({ id, box }: EvalLayer, input: Sheet, window: Box): EvalLayer {
  const shown = intersectBoxes(box, window);
  const [width, height] = sizeOf(box);
  if (!shown) return { id, box, rgba: new Uint8Array(4 * width * height) };
  const [w, h] = sizeOf(shown);
  const crop: Sheet = { width: w, height: h, data: cropPixels(input.data, window, shown) };
  const gray = onGray(crop);
  const key = rimMedian(gray, w, h);
  const keyed = new Float32Array(crop.data.length);
  for (let i = 0; i < w * h; i++) {
    const distance = Math.hypot(...key.map((value, c) => gray[3 * i + c] - value));
    if (distance <= KEY_THRESHOLD) continue;
    keyed.set(gray.subarray(3 * i, 3 * i + 3), 4 * i);
    keyed[4 * i + 3] = 1;
  }
  return { id, box, rgba: toBytes(cropPixels(keyed, shown, box)) };
}

/** Median of each channel along the border of a picture [height, width, 3]. */
function rimMedian(rgb: Float32Array, width: number, height: number): number[] {
  const rim: number[] = [];
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) rim.push(i);
  }
  return [0, 1, 2].map((c) => {
    const values = rim.map((i) => rgb[3 * i + c]).sort((a, b) => a - b);
    return values[Math.floor(values.length / 2)];
  });
}

function flatBackground(design: TestDesign): EvalLayer {
  const [background, ...foreground] = design.layers;
  const fill = flatFill(onFrame(background, design.window), foreground, design.window);
  return { id: background.id, box: design.window, rgba: toBytes(fill.data) };
}

function fillBox({ id, box }: EvalLayer, [red, green, blue]: Rgb): EvalLayer {
  const [width, height] = sizeOf(box);
  const pixels = new Float32Array(4 * width * height);
  for (let at = 0; at < pixels.length; at += 4) pixels.set([red, green, blue, 1], at);
  return { id, box, rgba: toBytes(pixels) };
}

/** Mean colours of the kept foreground elements. */
function paletteOf(design: TestDesign): Rgb[] {
  return keptLayers(design)
    .filter((layer) => !layer.isBackground)
    .map((layer) => meanColour(onFrame(layer, layer.box)))
    .filter((colour) => colour !== undefined);
}

function mixOf(colours: readonly Rgb[]): Rgb {
  if (colours.length === 0) return MIDDLE;
  const mean = (c: 0 | 1 | 2): number => colours.reduce((sum, colour) => sum + colour[c], 0) / colours.length;
  return [mean(0), mean(1), mean(2)];
}
