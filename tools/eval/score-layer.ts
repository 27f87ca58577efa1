import type { Box } from '../../model/layout/design-schema.ts';
import { boxAdherence } from './box-adherence.ts';
import type { EvalLayer, Sheet } from './eval-layer.ts';
import { alphaOf, countOf, maskOf, onFrame, onGray, scoringFrame } from './eval-layer.ts';
import { grayLeak } from './gray-leak.ts';
import type { Part, Score } from './metric-table.ts';
import { isInside, ownMask, visibleMask } from './occlusion.ts';
import { psnr } from './psnr.ts';
import { softIou, softOverlap } from './soft-iou.ts';
import { meanOver, ssimMap } from './ssim.ts';

/** Fewer pixels beyond the window than this are no overflow to speak of. */
const LEAST_OUTSIDE = 16;

/** A drawn layer beside its truth. */
export interface LayerPair {
  readonly drawn: EvalLayer;
  readonly truth: EvalLayer;
  /** True layers above it. */
  readonly above: readonly EvalLayer[];
  readonly window: Box;
}

/** Both layers on the frame that they are compared on. */
export interface FramedPair {
  readonly frame: Box;
  readonly drawn: Sheet;
  readonly truth: Sheet;
}

/** Puts drawn and true layer on one frame. */
export function framePair({ drawn, truth }: Pick<LayerPair, 'drawn' | 'truth'>): FramedPair {
  const frame = scoringFrame(truth.box, drawn.box);
  return { frame, drawn: onFrame(drawn, frame), truth: onFrame(truth, frame) };
}

/** Alpha, colours and the overflow of a layer whose truth is known. */
export function scoreAgainstTruth(pair: LayerPair, framed: FramedPair): Score {
  const { frame, drawn, truth } = framed;
  const [p, g] = [alphaOf(drawn), alphaOf(truth)];
  const inside = maskOf(frame, (_, x, y) => isInside(pair.window, x, y));
  const outside = inside.map((value) => 1 - value);
  const overlap = softOverlap(p, g);
  const within = softOverlap(p, g, inside);
  const own = ownMask(truth, frame);
  return {
    alphaIou: [softIou(overlap), 1],
    alphaIouPooled: [overlap.intersection, overlap.union],
    ...(within.union > 0 ? { alphaIouWindow: [softIou(within), 1] as const } : {}),
    ...scoreColours(framed, own, visibleMask(own, pair.above, frame, pair.window), outside),
    ...scoreOutside(p, g, outside),
    ...one('layerL1', straightL1(drawn, truth)),
  };
}

function scoreColours(framed: FramedPair, own: Uint8Array, visible: Uint8Array, outside: Uint8Array): Score {
  const { drawn, truth } = framed;
  const [p, g] = [onGray(drawn), onGray(truth)];
  const map = ssimMap(p, g, { width: truth.width, height: truth.height, channels: 3 });
  const beyond = own.map((value, i) => value & (outside[i] ?? 0));
  return {
    ...one('layerPsnr', psnr(p, g, 3, own)),
    ...one('layerSsim', meanOver(map, own)),
    ...one('visiblePsnr', psnr(p, g, 3, visible)),
    ...one('visibleSsim', meanOver(map, visible)),
    ...(countOf(beyond) >= LEAST_OUTSIDE ? one('outsidePsnr', psnr(p, g, 3, beyond)) : {}),
  };
}

function scoreOutside(p: Float32Array, g: Float32Array, outside: Uint8Array): Score {
  let [drawn, wanted, pixels] = [0, 0, 0];
  for (let i = 0; i < g.length; i++) {
    if (outside[i] === 0) continue;
    drawn += p[i];
    wanted += g[i];
    if (g[i] > 0) pixels++;
  }
  if (pixels < LEAST_OUTSIDE) return {};
  return { outsideIou: [softIou(softOverlap(p, g, outside)), 1], outsideArea: [drawn, wanted] };
}

/** Mean absolute difference of straight colours where the true alpha is above 0; undefined for an empty truth. */
export function straightL1(drawn: Sheet, truth: Sheet): number | undefined {
  let sum = 0;
  let count = 0;
  for (let at = 0; at < truth.data.length; at += 4) {
    const g = truth.data[at + 3];
    if (g === 0) continue;
    const p = drawn.data[at + 3];
    for (let c = at; c < at + 3; c++) sum += Math.abs((p === 0 ? 0 : drawn.data[c] / p) - truth.data[c] / g) / 3;
    count++;
  }
  return count === 0 ? undefined : sum / count;
}

/** What can be said of a layer whatever its truth looks like: it keeps to its box, and leaks no gray. */
export function scoreManners(drawn: EvalLayer, framed: FramedPair, requested: Box): Score {
  const { inside, fill } = boxAdherence(drawn, requested);
  const { leaked, pixels } = grayLeak(framed.drawn, framed.truth);
  return { ...one('boxInside', inside), boxFill: [fill, 1], grayLeak: [(100 * leaked) / pixels, 1] };
}

/** A value as a metric's part, or nothing. */
export function one<Key extends keyof Score>(key: Key, value: number | undefined): Score {
  if (value === undefined) return {};
  const part: Part = [value, 1];
  return { [key]: part };
}
