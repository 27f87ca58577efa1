import type { Box } from '../layout/design-schema.ts';
import { blur, localExtremes } from './neighbourhood.ts';

/** A layer as refinement takes it. */
export interface RefineLayer {
  /** Half-open, in whole pixels relative to the picture's top-left corner; may exceed it. */
  readonly box: Box;
  /** Straight RGBA in 0..1, [h, w, 4] of the box. */
  readonly pixels: Float32Array;
  /** 0..1: what its alpha is multiplied with in the picture. */
  readonly opacity: number;
}

/** A layer as planes of its whole box: ten floats a pixel. What lies beyond the picture is never seen. */
export interface SeenLayer {
  readonly box: Box;
  readonly width: number;
  readonly height: number;
  readonly opacity: number;
  /** The network's alpha. */
  readonly prior: Float32Array;
  /** How far the picture may move it: its variance. */
  readonly variance: Float32Array;
  /** The estimate, changed in place. */
  readonly alpha: Float32Array;
  /** How much of the layer the picture shows at each pixel: opacity, alpha, and what the layers above let through. */
  readonly weight: Float32Array;
  /** The network's straight colour where it has alpha, the neighbourhood's where not: three planes. */
  readonly own: readonly Float32Array[];
  /** What the layer's colour is taken for, changed in place: three planes. */
  readonly colour: readonly Float32Array[];
}

/** Below this alpha a colour out of the network means nothing. */
const MIN_ALPHA = 1e-3;

/** Sure of what the network draws flat: a standard deviation of 1 % where alpha does not change nearby. */
const VARIANCE_FLAT = 1e-4;
/** Where alpha goes from 0 to 1 nearby: nothing is known but that there is an edge. */
const VARIANCE_EDGE = 0.5;
/** How near, in pixels: the decoder's edges are a pixel or two off. */
const EDGE_RADIUS = 2;
/** Of the mean colour nearby, in pixels. */
const COLOUR_SIGMA = 5;
/** Share of the network's own colour where its alpha is 1; the rest is the mean nearby. */
const OWN_SHARE = 0.5;

export function seeLayer({ box, pixels, opacity }: RefineLayer): SeenLayer {
  const [width, height] = [box[2] - box[0], box[3] - box[1]];
  const prior = channel(pixels, 3);
  const network = [0, 1, 2].map((c) => channel(pixels, c));
  const near = nearbyColour(network, prior, width, height);
  const mixed = (c: number) => (value: number, i: number) => {
    const share = OWN_SHARE * prior[i] * prior[i];
    return share * value + (1 - share) * near[c][i];
  };
  return {
    box,
    width,
    height,
    opacity,
    prior,
    variance: varianceOf(prior, width, height),
    alpha: Float32Array.from(prior),
    weight: new Float32Array(prior.length),
    own: network.map((plane, c) => plane.map((value, i) => (prior[i] > MIN_ALPHA ? value : near[c][i]))),
    colour: network.map((plane, c) => plane.map(mixed(c))),
  };
}

/** None where a layer is plainly empty or full all around: an error of what lies below must not leave a film on it. */
function varianceOf(prior: Float32Array, width: number, height: number): Float32Array {
  const { low, high } = localExtremes({ width, height, data: prior }, EDGE_RADIUS);
  return prior.map((_, i) => (high[i] === 0 || low[i] === 1 ? 0 : VARIANCE_FLAT + VARIANCE_EDGE * (high[i] - low[i])));
}

/** One of the four channels of interleaved pixels; 0 for what is no number or has no alpha, which a blur would spread. */
function channel(pixels: Float32Array, c: number): Float32Array {
  const out = new Float32Array(pixels.length / 4);
  for (let i = 0; i < out.length; i++) {
    const value = pixels[4 * i + c];
    if (pixels[4 * i + 3] > 0 && Number.isFinite(value)) out[i] = value;
  }
  return out;
}

/** The mean colour around each pixel, weighted by alpha squared; the whole layer's where there is none nearby. */
function nearbyColour(
  colour: readonly Float32Array[],
  alpha: Float32Array,
  width: number,
  height: number,
): Float32Array[] {
  const weight = alpha.map((value) => value * value);
  const total = weight.reduce((sum, value) => sum + value, 0);
  const near = blur({ width, height, data: weight }, COLOUR_SIGMA);
  return colour.map((plane) => {
    const weighted = plane.map((value, i) => value * weight[i]);
    const mean = weighted.reduce((sum, value) => sum + value, 0) / Math.max(total, 1e-9);
    const sums = blur({ width, height, data: weighted }, COLOUR_SIGMA);
    return sums.map((sum, i) => (sum + mean * MIN_ALPHA) / (near[i] + MIN_ALPHA));
  });
}
