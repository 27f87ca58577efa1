import { validateDesign } from '../layout/design.ts';
import type { Box, DesignLayer, LayeredDesign } from '../layout/design-schema.ts';
import { flattenLayers } from '../layout/flatten.ts';
import { designLimits, taskSampling, type MrtManifest } from '../manifest/manifest.ts';
import { hasSigmaList, studentSigmas } from '../sampler/student-sigmas.ts';
import type { SamplingForm } from '../sampler/step.ts';
import { TOKEN_SIDE } from '../tokens/grid.ts';
import { planMrt } from '../tokens/plan-mrt.ts';
import type { TokenPlan } from '../tokens/token-plan.ts';

/** What a caller may set for one run; each falls back to the document, then to what the manifest says for the task. */
export interface SamplingOptions {
  readonly steps?: number;
  readonly cfgScale?: number;
  readonly form?: SamplingForm;
  readonly seed?: number;
  /**
   * `philox` (default): the engine's own noise, keyed by layer and grid position, so that a layer keeps its noise when
   * others come and go. `torch-cpu`: what `torch.randn([N_noise, 4C])` gives on a CPU after `torch.manual_seed(seed)`,
   * and one more such draw for each re-noising step.
   */
  readonly rng?: NoiseSource;
}

/** Where a run's noise comes from. */
export type NoiseSource = 'philox' | 'torch-cpu';

/** A design with everything about its run decided. */
export interface MrtJob {
  readonly design: LayeredDesign;
  readonly manifest: MrtManifest;
  readonly plan: TokenPlan;
  /** Leaves by id. */
  readonly leaves: ReadonlyMap<string, DesignLayer>;
  readonly steps: number;
  readonly cfgScale: number;
  readonly form: SamplingForm;
  readonly seed: number;
  readonly rng: NoiseSource;
  /** steps + 1 noise levels. */
  readonly sigmas: Float64Array;
  /** Whether they are a list of the manifest's; else its formula gave them. */
  readonly isListed: boolean;
  /** Pixels of the token grid per pixel of the document: 1 where the window lies on the grid. */
  readonly scaleX: number;
  readonly scaleY: number;
}

/**
 * Validates a design and plans its run.
 *
 * @throws LayoutError with the broken rule
 */
export function planJob(design: LayeredDesign, manifest: MrtManifest, options: SamplingOptions = {}): MrtJob {
  const valid = validateDesign(design, undefined, designLimits(manifest));
  const plan = planMrt(valid, manifest);
  const { sampling } = valid;
  const own = taskSampling(manifest, valid.task?.type);
  const steps = options.steps ?? sampling?.steps ?? own.steps;
  const { window } = plan;
  return {
    design: valid,
    manifest,
    plan,
    leaves: new Map(flattenLayers(valid.layers).leaves.map(({ layer }) => [layer.id, layer])),
    steps,
    cfgScale: options.cfgScale ?? sampling?.cfg ?? own.cfgScale,
    form: options.form ?? sampling?.scheduler ?? own.form,
    seed: options.seed ?? sampling?.seed ?? 0,
    rng: options.rng ?? 'philox',
    sigmas: studentSigmas(own, steps, window.gw * window.gh),
    isListed: hasSigmaList(own, steps),
    scaleX: (window.gw * TOKEN_SIDE) / window.width,
    scaleY: (window.gh * TOKEN_SIDE) / window.height,
  };
}

/** A box of the document in pixels of the token grid; at least one pixel. */
export function toGridPixels(job: Pick<MrtJob, 'scaleX' | 'scaleY'>, box: Box): Box {
  const [x0, x1] = scaled(box[0], box[2], job.scaleX);
  const [y0, y1] = scaled(box[1], box[3], job.scaleY);
  return [x0, y0, x1, y1];
}

/** A box of the token grid in pixels of the document; at least one pixel. */
export function toDocumentPixels(job: Pick<MrtJob, 'scaleX' | 'scaleY'>, box: Box): Box {
  return toGridPixels({ scaleX: 1 / job.scaleX, scaleY: 1 / job.scaleY }, box);
}

function scaled(low: number, high: number, scale: number): [number, number] {
  const start = Math.round(low * scale);
  return [start, Math.max(start + 1, Math.round(high * scale))];
}
