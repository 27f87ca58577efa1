import { readFile, stat } from 'node:fs/promises';
import { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import { parseTransformerConfig, type TransformerConfig } from '../../model/config/transformer-config.ts';
import { createDesign, validateDesign } from '../../model/layout/design.ts';
import type { DesignLayer, LayeredDesign } from '../../model/layout/design-schema.ts';
import { parseManifest, type MrtManifest } from '../../model/manifest/manifest.ts';
import { planJob } from '../../model/pipeline/mrt-job.ts';
import { summarizePlan } from '../../model/tokens/token-plan.ts';
import { DeviceError, UsageError } from '../../runtime/errors.ts';
import { modelFolder } from '../../runtime/node/model-folder.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';
import type { InspectFlags } from '../commands/inspect.ts';
import { readDesignFile } from '../design/design-files.ts';
import { checkDevice } from './check-device.ts';
import { count, flop, gib, keyValueLines } from './format.ts';
import { estimatePass, type PassEstimate } from './pass-estimate.ts';

/** What `inspect --plan` shows. */
export interface PlanReport {
  readonly path: string;
  readonly plan: Readonly<Record<string, unknown>>;
  readonly steps: number;
  readonly cfgScale: number;
  readonly estimate: PassEstimate;
  readonly device: { readonly description: string; readonly isSoftware: boolean } | null;
  /** Why the job does not fit, if it does not. */
  readonly refusal: DeviceError | undefined;
}

/**
 * Plans a run: on a checkpoint folder, or on a transformer's config.json alone.
 *
 * @throws UsageError, LayoutError, ConfigError for what cannot be planned
 */
export async function planReport(path: string, flags: InspectFlags): Promise<PlanReport> {
  const { config, manifest } = await readModel(path);
  const design = flags.layout ? (await readDesignFile(flags.layout)).design : sampleDesign(flags);
  const withTask = design.task ? design : { ...design, task: taskOf(flags.task) };
  const job = planJob(withTask, manifest, {
    ...(flags.steps !== undefined ? { steps: flags.steps } : {}),
    ...(flags.cfgScale !== undefined ? { cfgScale: flags.cfgScale } : {}),
  });
  const estimate = estimatePass({
    config,
    manifest,
    plan: job.plan,
    textTokens: flags.textTokens,
    steps: job.steps,
    isGuided: job.cfgScale > 1,
    storedDType: flags.dtype,
    precision: flags.precision,
  });
  const engine = flags.device ? await openEngine().catch(() => undefined) : undefined;
  let refusal: DeviceError | undefined;
  try {
    const memory = flags.memory === undefined ? undefined : flags.memory * 2 ** 30;
    checkDevice(estimate, engine?.facts, engine?.info.description ?? '', memory);
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    refusal = error;
  } finally {
    engine?.dispose();
  }
  return {
    path,
    plan: summarizePlan(job.plan),
    steps: job.steps,
    cfgScale: job.cfgScale,
    estimate,
    device: engine ? { description: engine.info.description, isSoftware: engine.info.isSoftware } : null,
    refusal,
  };
}

async function readModel(path: string): Promise<{ config: TransformerConfig; manifest: MrtManifest }> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => {
      throw new UsageError(`${path}: is not there. Give a checkpoint folder or a transformer's config.json.`);
    },
  );
  if (!isFolder)
    return { config: parseTransformerConfig(await readFile(path), path), manifest: parseManifest(undefined) };
  const checkpoint = await Checkpoint.open(await modelFolder(path));
  try {
    return { config: await checkpoint.transformerConfig(), manifest: checkpoint.manifest };
  } finally {
    await checkpoint.close();
  }
}

function taskOf(task: 't2l' | 'i2l'): NonNullable<LayeredDesign['task']> {
  return task === 't2l' ? { type: 't2l' } : { type: 'i2l', image: { uri: 'input.png' } };
}

/** A window with `layers` boxes, each half as wide and high, spread over it: for a size without a layout. */
function sampleDesign(flags: InspectFlags): LayeredDesign {
  const [width, height] = flags.size ?? [1024, 1024];
  const design = createDesign(width, height);
  const layers: DesignLayer[] = Array.from({ length: flags.layers }, (_, i) => {
    const x = Math.floor((width / 2) * ((i * 0.618) % 1));
    const y = Math.floor((height / 2) * ((i * 0.382) % 1));
    const box: [number, number, number, number] = [x, y, x + Math.ceil(width / 2), y + Math.ceil(height / 2)];
    return { id: `layer-${i + 1}`, kind: 'image', z: i + 1, box };
  });
  return validateDesign({ ...design, layers: [...design.layers, ...layers], task: taskOf(flags.task) });
}

/** The report as lines for people. */
export function printPlan(report: PlanReport): string[] {
  const { estimate, plan } = report;
  const window = plan.window as { width: number; height: number };
  return [
    `${report.path}: ${window.width} x ${window.height} px, ${report.steps} steps, cfg ${report.cfgScale}`,
    ...keyValueLines([
      [
        'tokens',
        `${count(estimate.imageTokens)} image (${count(estimate.predictedTokens)} predicted) + ${count(estimate.textTokens)} text`,
      ],
      ['one forward', `${flop(estimate.flopsPerForward)} in ${count(estimate.dispatchesPerForward)} dispatches`],
      ['the run', flop(estimate.flopsPerRun)],
      ['parameters', count(estimate.parameters)],
      [
        'weights',
        `${gib(estimate.weightBytes)} resident; ${gib(estimate.streamedBytes)} of modulation weights streamed once`,
      ],
      ['modulation table', gib(estimate.modulationTableBytes)],
      ['arena', `${gib(estimate.arenaBytes)} (at least ${gib(estimate.peakLiveBytes)})`],
      ['states, constants', `${gib(estimate.stateBytes)}, ${gib(estimate.constantBytes)}`],
      ['peak', gib(estimate.totalBytes)],
      ['largest buffer', `${estimate.largestBinding.label}: ${gib(estimate.largestBinding.byteLength)}`],
      ['device', report.device ? report.device.description : 'none looked at'],
    ]).map((line) => `  ${line}`),
    report.refusal ? `  does not fit: ${report.refusal.message}` : '  fits',
  ];
}
