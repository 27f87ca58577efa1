import type { MrtJob } from '../../model/pipeline/mrt-job.ts';

/** How a candidate was sampled in a task: what a figure must be read with. */
export interface EvalSampling {
  readonly steps: number;
  readonly cfgScale: number;
  readonly form: MrtJob['form'];
  /** steps + 1 noise levels. A formula may shift them by the window's size: these are the first design's. */
  readonly sigmas: readonly number[];
  /** Where they come from: a list of the manifest, or its formula for step counts without one. */
  readonly from: 'list' | 'formula';
}

/** What a planned job says of its sampling. */
export function samplingOf({
  steps,
  cfgScale,
  form,
  sigmas,
  isListed,
}: Pick<MrtJob, 'steps' | 'cfgScale' | 'form' | 'sigmas' | 'isListed'>): EvalSampling {
  return { steps, cfgScale, form, sigmas: [...sigmas], from: isListed ? 'list' : 'formula' };
}

/** Levels that are shown whole. */
const SHOWN_LEVELS = 10;

/** `8 steps, guidance 2.5, euler, levels 1 0.875 0.75 ... 0.125 0 (formula)`. */
export function samplingLine({ steps, cfgScale, form, sigmas, from }: EvalSampling): string {
  const short = sigmas.map((sigma) => String(Number(sigma.toPrecision(4))));
  const levels = short.length <= SHOWN_LEVELS ? short : [...short.slice(0, 3), '...', ...short.slice(short.length - 2)];
  const guidance = cfgScale > 1 ? `guidance ${cfgScale}` : 'no guidance';
  const source = from === 'list' ? "the manifest's list" : "the manifest's formula";
  return `${steps} step${steps === 1 ? '' : 's'}, ${guidance}, ${form}, levels ${levels.join(' ')} (${source})`;
}
