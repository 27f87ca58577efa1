import { psnrOf } from './psnr.ts';

/** How the parts of a metric become its figure. */
export type MetricForm =
  /** Mean over what was measured: parts are (value, 1). */
  | 'mean'
  /** Sum over sum: parts are (numerator, denominator). */
  | 'ratio'
  /** PSNR of all squared errors together: parts are (sum, count). */
  | 'pooledPsnr';

/** One row of the report. */
export interface MetricSpec {
  /** At most 30 characters. */
  readonly label: string;
  readonly unit: '' | 'dB' | '%';
  readonly form: MetricForm;
  /** Which way is good; `none` where a figure only explains others. */
  readonly better: 'high' | 'low' | 'none';
  /** The definition, in one sentence. */
  readonly about: string;
}

const row = (
  label: string,
  unit: MetricSpec['unit'],
  form: MetricForm,
  better: MetricSpec['better'],
  about: string,
): MetricSpec => ({ label, unit, form, better, about });

/** Every metric, in the order of the report: what a cheat can win comes last. */
export const METRICS = {
  alphaIou: row('alpha IoU', '', 'mean', 'high', 'soft IoU of alpha over the whole box, mean over foreground layers'),
  alphaIouPooled: row('alpha IoU, pooled', '', 'ratio', 'high', 'sum of minima over sum of maxima, all layers together'),
  alphaIouWindow: row('alpha IoU in window', '', 'mean', 'high', 'the same inside the window only'),
  captionColour: row('colour hit', '', 'mean', 'high', 'colour as named, or within 0.15 of the true one; text-to-layers: share of the caption found'),
  captionColourShape: row('colour and shape hit', '', 'mean', 'high', 'colour hit, and no other shape fits the outline better'),
  wantedColour: row('wanted colour', '', 'mean', 'high', 'mean colour within 0.15 of the one that the design implies'),
  paletteBefore: row('palette distance before', '', 'mean', 'none', 'mean distance of opaque pixels to the nearest colour of the kept elements, condition'),
  paletteAfter: row('palette distance after', '', 'mean', 'low', 'the same for the result'),
  paletteRatio: row('palette distance after/before', '', 'ratio', 'low', 'sum after over sum before'),
  hiddenPsnr: row('hidden background', 'dB', 'mean', 'high', 'PSNR of premultiplied RGBA where foreground alphas sum above 0.5, patterned backgrounds'),
  hiddenOverFlat: row('hidden over flat fill', 'dB', 'mean', 'high', 'the same minus that of a flat fill of the same design'),
  hiddenPsnrPooled: row('hidden background, pooled', 'dB', 'pooledPsnr', 'high', 'squared errors of all designs together, plain backgrounds too'),
  visiblePsnr: row('layer PSNR, visible', 'dB', 'mean', 'high', 'on 50 % gray, own pixels (true alpha above 0.02) in the window with cover below 0.05'),
  visibleSsim: row('layer SSIM, visible', '', 'mean', 'high', 'the same pixels of the SSIM map'),
  layerPsnr: row('layer PSNR', 'dB', 'mean', 'high', 'on 50 % gray, own pixels (true alpha above 0.02)'),
  layerSsim: row('layer SSIM', '', 'mean', 'high', 'the same pixels of the SSIM map'),
  layerL1: row('layer RGB L1', '', 'mean', 'low', 'mean absolute difference of straight RGB where the true alpha is above 0'),
  outsideIou: row('overflow alpha IoU', '', 'mean', 'high', 'soft IoU outside the window, layers that reach there'),
  outsidePsnr: row('overflow PSNR', 'dB', 'mean', 'high', 'on 50 % gray, own pixels outside the window'),
  outsideArea: row('overflow area ratio', '', 'ratio', 'none', 'alpha drawn outside the window over true alpha there'),
  boxInside: row('alpha inside its box', '', 'mean', 'high', 'share of the alpha within the requested box'),
  boxFill: row('box filled', '', 'mean', 'none', 'share of the requested box that the tight box covers'),
  grayLeak: row('gray leak', '%', 'mean', 'low', 'share of pixels that are opaque middle gray where the truth is not'),
  keptEqual: row('kept layers bit-equal', '', 'mean', 'high', 'share of designs whose kept layers came back byte for byte'),
  composedPsnr: row('merged vs composed', 'dB', 'mean', 'high', 'generated layers over each other against the generated flat picture'),
  composedSsim: row('merged vs composed SSIM', '', 'mean', 'high', 'the same'),
  mergedPsnr: row('merged PSNR', 'dB', 'mean', 'high', 'window of all layers over each other against the input, on 50 % gray: pasting wins it'),
  mergedSsim: row('merged SSIM', '', 'mean', 'high', 'the same'),
} as const satisfies Readonly<Record<string, MetricSpec>>; // prettier-ignore

/** Name of a metric. */
export type MetricKey = keyof typeof METRICS;

/** All names, in order. */
export const METRIC_KEYS = Object.keys(METRICS) as MetricKey[];

/** A metric's parts for one layer or one design. */
export type Part = readonly [sum: number, weight: number];

/** What was measured of one layer or design; a metric that does not apply is absent. */
export type Score = { [Key in MetricKey]?: Part };

/** The figure of summed parts; undefined where nothing was measured. */
export function figureOf(form: MetricForm, [sum, weight]: Part): number | undefined {
  if (weight === 0) return undefined;
  return form === 'pooledPsnr' ? psnrOf({ sum, count: weight }) : sum / weight;
}
