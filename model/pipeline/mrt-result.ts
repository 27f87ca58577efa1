import { cropPixels, premultiply, premultiplyBytes, toBytes } from '../layout/composite.ts';
import type { BlendMode, Box, DesignLayer, DesignNode, LayeredDesign } from '../layout/design-schema.ts';
import { flattenLayers } from '../layout/flatten.ts';
import { rectPixels } from '../tokens/grid.ts';
import { toDocumentPixels, type MrtJob } from './mrt-job.ts';
import type { GeneratedLayer, GivenPictures, Placed } from './mrt-pixels.ts';
import { resizePremultiplied, resizeStraight, type Picture } from './picture.ts';

/** A layer of the result. */
export interface ResultLayer {
  readonly id: string;
  readonly kind: 'background' | 'image' | 'text';
  readonly z: number;
  readonly visible: boolean;
  readonly opacity: number;
  readonly blend: BlendMode;
  /** Made by this run; else it is what the caller gave, byte for byte. */
  readonly isGenerated: boolean;
  /** Where `picture` lies, in window pixels; may be negative or exceed the window. Tight around what is not transparent. */
  readonly box: Box;
  /** As the document asked. */
  readonly requestedBox: Box;
  /** The region of whole tokens that was generated; the requested box of a kept layer. */
  readonly quantizedBox: Box;
  readonly picture: Picture;
}

/** What a run returns. */
export interface LayeredResult {
  /** The document with boxes and sources of the result, ready to be written and edited further. */
  readonly design: LayeredDesign;
  /** Bottom first; `layers[0]` is the background. The merged picture is never among them. */
  readonly layers: readonly ResultLayer[];
  /** The visible window, all visible layers over each other. */
  readonly merged: Picture;
  /**
   * Of t2l: the visible window of the flat picture that the network makes beside the layers. `merged` should look like
   * it; how far they agree says how well the layers hold together.
   */
  readonly composed: Picture | undefined;
  /** Of i2l: PSNR in dB of the merged window against the given picture, both premultiplied, peak 1. */
  readonly psnrVsInput: number | undefined;
  /** The same before the layers were refined: how well the network took the picture apart. Undefined where they were not. */
  readonly psnrBeforeRefine: number | undefined;
  readonly warnings: readonly string[];
  /** Everything needed to repeat the run. */
  readonly meta: {
    readonly task: string;
    readonly seed: number;
    readonly rng: string;
    readonly steps: number;
    readonly cfgScale: number;
    readonly form: string;
    readonly sigmas: readonly number[];
    readonly numTokens: number;
    readonly numPredicted: number;
    readonly durationMs: number;
  };
}

/** File of a layer beside the document: number in z order, and the id in plain letters. */
export function layerFileName(index: number, id: string): string {
  const plain = id
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  return `layers/${String(index).padStart(2, '0')}${plain ? `-${plain}` : ''}.png`;
}

/** Generated layers, and all layers over each other: premultiplied over the job's canvas, in pixels of the token grid. */
export interface LayerStack {
  readonly layers: readonly GeneratedLayer[];
  readonly merged: Float32Array;
}

/** What a run made, to be put together. */
export interface RunPixels {
  readonly decoded: LayerStack;
  /** In place of the decoded ones, where they were refined. */
  readonly refined: LayerStack | undefined;
  /** The flat picture beside the layers, straight, where the run made it. */
  readonly composed: Placed | undefined;
  /** Of what came before. */
  readonly warnings: readonly string[];
}

/**
 * Puts a run's outcome together: generated layers cropped to their visible pixels, kept ones untouched, the merged window,
 * and the document that describes them.
 */
export function buildResult(job: MrtJob, given: GivenPictures, made: RunPixels, durationMs: number): LayeredResult {
  const { layers: generated, merged } = made.refined ?? made.decoded;
  const { composed } = made;
  const warnings = [...made.warnings];
  const byId = new Map(generated.map((layer) => [layer.id, layer]));
  const layers: ResultLayer[] = [];
  const leaves = [...flattenLayers(job.design.layers).leaves].sort((a, b) => a.layer.z - b.layer.z);
  for (const { layer, visible, opacity } of leaves) {
    const own = byId.get(layer.id);
    const source = given.sources.get(layer.id);
    const requestedBox = layer.box ?? ([0, 0, job.design.canvas.width, job.design.canvas.height] as const);
    const base = {
      id: layer.id,
      kind: layer.kind,
      z: layer.z,
      visible,
      opacity,
      blend: layer.blend ?? ('normal' as const),
      requestedBox,
    };
    if (own) {
      const { box, picture, isEmpty } = finish(job, own, layer.kind === 'background');
      if (isEmpty) warnings.push(`layer "${layer.id}" came out fully transparent.`);
      layers.push({ ...base, isGenerated: true, box, quantizedBox: toDocumentPixels(job, own.box), picture });
    } else if (source)
      layers.push({ ...base, isGenerated: false, box: requestedBox, quantizedBox: requestedBox, picture: source });
  }
  const inWindow = (pixels: Float32Array): Picture => windowOf(job, pixels, rectPixels(job.plan.canvas));
  const window = inWindow(merged);
  return {
    design: describe(job, layers, warnings),
    layers,
    merged: window,
    composed: composed && windowOf(job, premultiply(composed.pixels), composed.box),
    psnrVsInput: given.image ? psnrOf(window, given.image) : undefined,
    psnrBeforeRefine: given.image && made.refined ? psnrOf(inWindow(made.decoded.merged), given.image) : undefined,
    warnings,
    meta: {
      task: job.plan.task,
      seed: job.seed,
      rng: job.rng,
      steps: job.steps,
      cfgScale: job.cfgScale,
      form: job.form,
      sigmas: [...job.sigmas],
      numTokens: job.plan.numTokens,
      numPredicted: job.plan.numPredicted,
      durationMs,
    },
  };
}

interface Finished {
  readonly box: Box;
  readonly picture: Picture;
  readonly isEmpty: boolean;
}

/** A generated layer in document pixels, cropped to what is not transparent; the background stays whole. */
function finish(job: MrtJob, layer: GeneratedLayer, keepWhole: boolean): Finished {
  const isScaled = job.scaleX !== 1 || job.scaleY !== 1;
  const box = isScaled ? toDocumentPixels(job, layer.box) : layer.box;
  const [width, height] = sizeOf(box);
  const [gridWidth, gridHeight] = sizeOf(layer.box);
  const straight = premultiply(layer.pixels);
  const premultiplied = isScaled ? resizePremultiplied(straight, gridWidth, gridHeight, width, height) : straight;
  const data = toBytes(premultiplied);
  const tight = tightBox(data, width, height);
  if (keepWhole) return { box, picture: { width, height, data }, isEmpty: tight === undefined };
  const [x0, y0, x1, y1] = tight ?? [0, 0, 1, 1];
  const at: Box = [box[0] + x0, box[1] + y0, box[0] + x1, box[1] + y1];
  return {
    box: at,
    picture: { width: x1 - x0, height: y1 - y0, data: toBytes(cropPixels(premultiplied, box, at)) },
    isEmpty: tight === undefined,
  };
}

/** Smallest box that holds every pixel whose alpha is not 0. */
function tightBox(data: Uint8ClampedArray, width: number, height: number): Box | undefined {
  let [x0, y0, x1, y1] = [width, height, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (data[4 * (y * width + x) + 3] !== 0) {
        x0 = Math.min(x0, x);
        y0 = Math.min(y0, y);
        x1 = Math.max(x1, x + 1);
        y1 = Math.max(y1, y + 1);
      }
  return x1 > x0 ? [x0, y0, x1, y1] : undefined;
}

/** The visible window of a premultiplied picture of `from`, in the document's size. */
function windowOf(job: MrtJob, pixels: Float32Array, from: Box): Picture {
  const { window } = job.plan;
  const box = rectPixels({ gx0: 0, gy0: 0, gw: window.gw, gh: window.gh });
  const cut = cropPixels(pixels, from, box);
  const { width, height } = window;
  const isSame = width === box[2] && height === box[3];
  const sized = isSame ? cut : resizePremultiplied(cut, box[2], box[3], width, height);
  return { width, height, data: toBytes(sized) };
}

function psnrOf(window: Picture, image: Picture): number {
  const a = premultiplyBytes(window.data);
  const b =
    image.width === window.width && image.height === window.height
      ? premultiplyBytes(image.data)
      : premultiply(resizeStraight(image, window.width, window.height));
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return -10 * Math.log10(sum / a.length);
}

/** The document of the result: boxes as they came out, sources by file name, the task and its marks taken off. */
function describe(job: MrtJob, layers: readonly ResultLayer[], warnings: readonly string[]): LayeredDesign {
  const byId = new Map(layers.map((layer, index) => [layer.id, { layer, uri: layerFileName(index, layer.id) }]));
  const { task: _done, ...rest } = job.design;
  return {
    ...rest,
    layers: rest.layers.map((node) => describeNode(node, byId)),
    sampling: { ...rest.sampling, seed: job.seed, steps: job.steps, cfg: job.cfgScale, scheduler: job.form },
    result: {
      merged: 'merged.png',
      layers: [...byId.values()].map(({ layer, uri }) => ({
        id: layer.id,
        requestedBox: [...layer.requestedBox],
        quantizedBox: [...layer.quantizedBox] as [number, number, number, number],
        tightBox: [...layer.box] as [number, number, number, number],
        source: { uri },
        warnings: warnings.filter((warning) => warning.startsWith(`layer "${layer.id}"`)),
      })),
    },
  };
}

function describeNode(
  node: DesignNode,
  byId: ReadonlyMap<string, { readonly layer: ResultLayer; readonly uri: string }>,
): DesignNode {
  if (node.kind === 'group') return { ...node, children: node.children.map((child) => describeNode(child, byId)) };
  const found = byId.get(node.id);
  if (!found) return node;
  const { target: _target, reference: _reference, ...kept } = node;
  const described: DesignLayer = {
    ...kept,
    box: [...found.layer.box] as [number, number, number, number],
    source: { ...node.source, uri: found.uri },
  };
  return described;
}

function sizeOf(box: Box): [width: number, height: number] {
  return [box[2] - box[0], box[3] - box[1]];
}
