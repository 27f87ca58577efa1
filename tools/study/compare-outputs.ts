import type { Box } from '../../model/layout/design-schema.ts';
import { alphaOf, onFrame, onGray, scoringFrame, type EvalLayer } from '../eval/eval-layer.ts';
import { psnr, PSNR_CAP } from '../eval/psnr.ts';
import { softIou, softOverlap } from '../eval/soft-iou.ts';
import { ssim } from '../eval/ssim.ts';
import type { RunOutput } from './run-output.ts';

/** One layer against the same layer of the run it is compared with, on the tokens that either drew on. */
export interface LayerDifference {
  readonly id: string;
  /** dB, premultiplied RGBA, peak 1, at most 50. */
  readonly psnr: number;
  /** Composited on gray. */
  readonly ssim: number;
  readonly alphaIou: number;
}

/** How far a run is from another one. */
export interface OutputDifference {
  /** Of the merged window, dB, premultiplied RGBA. */
  readonly psnr: number;
  readonly ssim: number;
  readonly layers: readonly LayerDifference[];
  /** sum (a - e)^2 / sum e^2 over moving tokens, after every step; absent where the runs' steps or tokens differ. */
  readonly latentNmse: readonly number[] | undefined;
  /** The same of the last step alone; absent where the runs have other tokens. */
  readonly finalNmse: number | undefined;
}

/** Compares a run with a reference run of the same design. */
export function compareOutputs(actual: RunOutput, expected: RunOutput): OutputDifference {
  const window: Box = [0, 0, expected.merged.width, expected.merged.height];
  const merged = compareLayers(
    { id: 'merged', box: [0, 0, actual.merged.width, actual.merged.height], rgba: actual.merged.data },
    { id: 'merged', box: window, rgba: expected.merged.data },
  );
  const byId = new Map(actual.layers.map((layer) => [layer.id, layer]));
  const [last, lastExpected] = [actual.latents.at(-1), expected.latents.at(-1)];
  return {
    psnr: merged.psnr,
    ssim: merged.ssim,
    layers: expected.layers.flatMap((layer) => {
      const own = byId.get(layer.id);
      return own ? [compareLayers(own, layer)] : [];
    }),
    latentNmse:
      actual.latents.length === expected.latents.length
        ? allOrNone(actual.latents.map((latents, step) => nmse(latents, expected.latents[step])))
        : undefined,
    finalNmse: last && lastExpected && nmse(last, lastExpected),
  };
}

function compareLayers(actual: EvalLayer, expected: EvalLayer): LayerDifference {
  const frame = scoringFrame(expected.box, actual.box);
  const [a, e] = [onFrame(actual, frame), onFrame(expected, frame)];
  return {
    id: expected.id,
    psnr: psnr(a.data, e.data, 4) ?? PSNR_CAP,
    ssim: ssim(onGray(a), onGray(e), { width: a.width, height: a.height, channels: 3 }),
    alphaIou: softIou(softOverlap(alphaOf(a), alphaOf(e))),
  };
}

/** sum (a - e)^2 / sum e^2; undefined for other lengths. A run that left the numbers (NaN) is Infinity away. */
export function nmse(actual: Float32Array, expected: Float32Array): number | undefined {
  if (actual.length !== expected.length) return undefined;
  let error = 0;
  let power = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2;
    power += expected[i] ** 2;
  }
  if (error === 0) return 0;
  const ratio = error / power;
  return Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
}

function allOrNone(values: readonly (number | undefined)[]): number[] | undefined {
  return values.some((value) => value === undefined) ? undefined : (values as number[]);
}
