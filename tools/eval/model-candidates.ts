import { premultiply, toBytes } from '../../model/layout/composite.ts';
import type { DesignTaskType, LayeredDesign } from '../../model/layout/design-schema.ts';
import { taskSampling } from '../../model/manifest/manifest.ts';
import type { MrtPipeline } from '../../model/pipeline/mrt-pipeline.ts';
import type { LayeredResult } from '../../model/pipeline/mrt-result.ts';
import type { Picture } from '../../model/pipeline/picture.ts';
import { rectPixels } from '../../model/tokens/grid.ts';
import { decodeRegion, encodeRegion } from '../../model/vae/region-codec.ts';
import type { RgbaImage } from '../../runtime/image/rgba-image.ts';
import type { Candidate } from './candidate.ts';
import type { EvalLayer } from './eval-layer.ts';
import { samplingOf } from './eval-sampling.ts';
import { loadSetPicture } from './read-test-set.ts';
import type { TestDesign } from './read-test-set.ts';
import type { EvalOutput } from './score-design.ts';
import { withWordsOf } from './shuffle-captions.ts';

/** What the evaluation uses of a pipeline. */
export type EvalPipeline = Pick<MrtPipeline, 'run' | 'plan' | 'vae' | 'manifest'>;

/** How a checkpoint is sampled. What is absent is what its manifest says for the task, whatever the documents say. */
export interface SamplingChoice {
  readonly steps?: number | undefined;
  readonly cfgScale?: number | undefined;
  /** Put over the seeds of the documents. */
  readonly seed?: number | undefined;
}

/** The checkpoint itself, on one task. */
export function modelCandidate(pipeline: EvalPipeline, task: DesignTaskType, choice: SamplingChoice): Candidate {
  const sampling = settled(pipeline, task, choice);
  const { steps } = sampling;
  return {
    name: `model, ${steps} step${steps === 1 ? '' : 's'}`,
    kind: 'model',
    about: `the checkpoint, ${steps} denoising steps`,
    steps,
    sampling: planned(pipeline, sampling),
    make: async (of, design, _partner, signal) => {
      const document = design.documents.get(of);
      return document && runDesign(pipeline, design, document, sampling, signal);
    },
  };
}

/** The checkpoint's layers as the network decodes them. Undefined where the checkpoint has nothing refined. */
export function unrefinedCandidate(
  pipeline: EvalPipeline,
  task: DesignTaskType,
  choice: SamplingChoice,
): Candidate | undefined {
  if (task !== 'i2l' || pipeline.manifest.i2lRefine === 'none') return undefined;
  const sampling = settled(pipeline, task, choice);
  return {
    name: 'network alone',
    kind: 'control',
    about: 'the checkpoint without refinement against the input',
    steps: sampling.steps,
    sampling: planned(pipeline, sampling),
    make: async (of, design, _partner, signal) => {
      const document = of === 'i2l' ? design.documents.get(of) : undefined;
      return document && runDesign(pipeline, design, document, sampling, signal, false);
    },
  };
}

/** The checkpoint with the captions of other designs, scored for the design's own: what a deaf model would score. */
export function shuffledCandidate(pipeline: EvalPipeline, task: DesignTaskType, choice: SamplingChoice): Candidate {
  const sampling = settled(pipeline, task, choice);
  return {
    name: 'shuffled captions',
    kind: 'control',
    about: "the checkpoint with another design's caption, scored for the design's own",
    steps: sampling.steps,
    sampling: planned(pipeline, sampling),
    make: async (of, design, partner, signal) => {
      if (of !== 't2l' && of !== 'add') return undefined;
      const [own, other] = [design.documents.get(of), partner.documents.get(of)];
      if (!own || !other) return undefined;
      return runDesign(pipeline, design, withWordsOf(of, own, other), sampling, signal);
    },
  };
}

interface SettledChoice extends SamplingChoice {
  readonly steps: number;
  readonly cfgScale: number;
}

/** The choice with what the manifest says for the task where it leaves something open. */
function settled({ manifest }: EvalPipeline, task: DesignTaskType, choice: SamplingChoice): SettledChoice {
  const own = taskSampling(manifest, task);
  return { ...choice, steps: choice.steps ?? own.steps, cfgScale: choice.cfgScale ?? own.cfgScale };
}

function planned(pipeline: EvalPipeline, { steps, cfgScale }: SettledChoice): NonNullable<Candidate['sampling']> {
  return (task, design) => {
    const document = design.documents.get(task);
    return document && samplingOf(pipeline.plan(document, { steps, cfgScale }));
  };
}

/** What the VAE alone makes of the truth: no model on it can do better, but by luck. */
export function boundCandidate(pipeline: EvalPipeline): Candidate {
  return {
    name: 'VAE bound',
    kind: 'bound',
    about: 'the true layers, encoded and decoded',
    make: (task, design, _partner, signal) => roundTrip(pipeline, task, design, signal),
  };
}

async function runDesign(
  pipeline: EvalPipeline,
  design: TestDesign,
  document: LayeredDesign,
  sampling: SettledChoice,
  signal?: AbortSignal,
  refine?: boolean,
): Promise<EvalOutput> {
  const { steps, cfgScale, seed } = sampling;
  const result = await pipeline.run(document, {
    pictures: (uri) => loadSetPicture(design, uri),
    steps,
    cfgScale,
    ...(seed === undefined ? {} : { seed: seed + (document.sampling?.seed ?? 0) }),
    ...(signal ? { signal } : {}),
    ...(refine === undefined ? {} : { refine }),
  });
  return outputOf(result);
}

/** What the metrics read of a result. */
export interface ScoredResult extends Pick<LayeredResult, 'layers'> {
  /** The flat picture that text to layers draws beside its layers, where the pipeline hands it out. */
  readonly composed?: Picture | undefined;
}

/** A result's layers as the metrics take them: the generated, and the kept ones that must be what was given. */
export function outputOf({ layers, composed }: ScoredResult): EvalOutput {
  const toLayer = ({ id, box, picture }: ScoredResult['layers'][number]): EvalLayer => ({
    id,
    box,
    rgba: picture.data,
  });
  return {
    layers: layers.filter((layer) => layer.isGenerated).map(toLayer),
    kept: layers.filter((layer) => !layer.isGenerated).map(toLayer),
    ...(composed ? { composed: { ...composed, data: Uint8Array.from(composed.data) } } : {}),
  };
}

async function roundTrip(
  pipeline: EvalPipeline,
  task: DesignTaskType,
  design: TestDesign,
  signal?: AbortSignal,
): Promise<EvalOutput | undefined> {
  const document = design.documents.get(task);
  if (!document) return undefined;
  const { plan, scaleX, scaleY } = pipeline.plan(document);
  // Off the checkpoint's grid the runtime resizes: the bound would be that of the resampling too.
  if (scaleX !== 1 || scaleY !== 1) return undefined;
  const [encoder, decoder] = [await pipeline.vae('encoder', signal), await pipeline.vae('decoder', signal)];
  const layers: EvalLayer[] = [];
  let composed: RgbaImage | undefined;
  for (const region of plan.regions) {
    if (region.role !== 'noise') continue;
    signal?.throwIfAborted();
    const truth = trueLayer(task, design, region.layerId);
    if (!truth) continue;
    const place = { region, canvas: plan.canvas };
    const pixels = Float32Array.from(truth.rgba, (byte) => byte / 255);
    const latents = await encodeRegion(encoder, pipeline.manifest, { ...place, pixels, box: truth.box });
    const { rgba } = await decodeRegion(decoder, pipeline.manifest, { ...place, latents });
    const layer = { id: truth.id, box: rectPixels(region), rgba: toBytes(premultiply(rgba)) };
    if (region.layerId !== null) layers.push(layer);
    else composed = windowOf(layer, design);
  }
  return { layers, ...(composed ? { composed } : {}) };
}

/** The truth of a region; `null` is the composed picture. */
function trueLayer(task: DesignTaskType, design: TestDesign, id: string | null): EvalLayer | undefined {
  if (id === null) return { id: '', box: design.window, rgba: design.composed.data };
  if (task === 'restyle') return design.restyle.get(id)?.wanted;
  return design.layers.find((layer) => layer.id === id);
}

/** The window's part of a picture that may reach beyond it. */
function windowOf(layer: EvalLayer, { window }: TestDesign): RgbaImage {
  const [width, height] = [window[2], window[3]];
  const stride = layer.box[2] - layer.box[0];
  const data = new Uint8Array(4 * width * height);
  for (let y = 0; y < height; y++) {
    const start = 4 * ((y - layer.box[1]) * stride - layer.box[0]);
    data.set(layer.rgba.subarray(start, start + 4 * width), 4 * y * width);
  }
  return { width, height, data };
}
