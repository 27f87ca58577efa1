import { PSNR_CAP } from '../eval/psnr.ts';
import type { OutputDifference } from './compare-outputs.ts';
import type { NamedSetting, StudyPlan } from './study-plan.ts';
import { settingKey, twinOf } from './study-plan.ts';
import type { SkippedSetting } from './run-study.ts';
import type { StudyIdentity, StudyRecord } from './study-store.ts';

/** Means over designs of how far runs are from others. Null where nothing can be compared. */
export interface Quality {
  /** Merged window, dB; 50 = as good as equal. */
  readonly psnr: number;
  readonly ssim: number;
  /** Means over layers. */
  readonly layerPsnr: number | null;
  readonly layerSsim: number | null;
  readonly alphaIou: number | null;
  /** Latents after every step, and after the last. */
  readonly latentNmse: readonly number[] | null;
  readonly finalNmse: number | null;
}

/** One setting over all designs. */
export interface SettingSummary {
  readonly name: string;
  readonly key: string;
  readonly setting: NamedSetting;
  readonly designs: number;
  /** Median over designs of the denoising loop, host time in ms. */
  readonly loopMs: number;
  /** The same in processor time of the process. */
  readonly cpuMs: number;
  /** Base loop time (by the study's clock) over this one's, mean over designs of each design's ratio. */
  readonly speedup: number;
  /** The same against the uncached full-precision run with the same steps. */
  readonly twinSpeedup: number;
  /** Base FLOPs over this one's: what the speed would be if time went with work alone. */
  readonly workSpeedup: number;
  readonly deviceBytes: number;
  /** The most of a design; null in reports from before it was measured. */
  readonly modulationBytes: number | null;
  /** Means over designs. */
  readonly flopsDone: number;
  readonly flopsSkipped: number;
  /** Share of passes that were hits, and of regions that alone would have been. */
  readonly hitShare: number;
  readonly regionHitShare: number | null;
  /** Guided pass of every step: 1 computed, 0 hit; `*` where designs differ. */
  readonly pattern: string;
  readonly twin: Quality;
  readonly base: Quality;
  /** No other setting is both faster and closer to the base. */
  readonly isPareto: boolean;
}

/** What a study writes and `study compare` reads. */
export interface StudyReport {
  readonly format: 'layerloom-study-report/1';
  readonly identity: StudyIdentity;
  readonly base: string;
  readonly summaries: readonly SettingSummary[];
  readonly skipped: readonly SkippedSetting[];
  readonly records: readonly StudyRecord[];
}

/** Sums up a study's records by setting. */
export function summarizeStudy(
  identity: StudyIdentity,
  plan: StudyPlan,
  records: readonly StudyRecord[],
  skipped: readonly SkippedSetting[],
): StudyReport {
  const baseKey = settingKey(twinOf(plan.base));
  const timeOf = ({ cost }: StudyRecord): number => (identity.clock === 'cpu' ? cost.cpuMs : cost.loopMs);
  const byRun = new Map(records.map((record) => [`${record.key} ${record.design}`, record]));
  const groups = new Map<string, StudyRecord[]>();
  for (const record of records) groups.set(record.key, [...(groups.get(record.key) ?? []), record]);
  const drafts = [...groups].map(([key, own]) => {
    const { setting } = own[0];
    const ratio = (other: string, of: (record: StudyRecord) => number): number =>
      mean(
        own.map((record) => {
          const reference = byRun.get(`${other} ${record.design}`);
          return (reference ? of(reference) : Number.NaN) / of(record);
        }),
      );
    const passes = own.flatMap(({ cost }) => cost.passes);
    const regionHits = passes.flatMap((pass) => pass.regionHits ?? []);
    return {
      name: setting.name,
      key,
      setting,
      designs: own.length,
      loopMs: median(own.map(({ cost }) => cost.loopMs)),
      cpuMs: median(own.map(({ cost }) => cost.cpuMs)),
      speedup: ratio(baseKey, timeOf),
      twinSpeedup: ratio(settingKey(twinOf(setting)), timeOf),
      workSpeedup: ratio(baseKey, ({ cost }) => cost.flopsDone),
      deviceBytes: Math.max(...own.map(({ cost }) => cost.deviceBytes)),
      modulationBytes: maxOrNull(own.flatMap(({ cost }) => cost.modulationBytes ?? [])),
      flopsDone: mean(own.map(({ cost }) => cost.flopsDone)),
      flopsSkipped: mean(own.map(({ cost }) => cost.flopsSkipped)),
      hitShare: mean(passes.map(({ hit }) => (hit ? 1 : 0))),
      regionHitShare: regionHits.length > 0 ? mean(regionHits) : null,
      pattern: commonPattern(own),
      twin: qualityOf(own.map(({ twin }) => twin)),
      base: qualityOf(own.map(({ base }) => base)),
    };
  });
  const summaries = drafts.map((draft) => ({
    ...draft,
    isPareto: !drafts.some(
      (other) =>
        other !== draft &&
        other.speedup >= draft.speedup &&
        other.base.psnr >= draft.base.psnr &&
        (other.speedup > draft.speedup || other.base.psnr > draft.base.psnr),
    ),
  }));
  const base = summaries.find(({ key }) => key === baseKey)?.name ?? '';
  return { format: 'layerloom-study-report/1', identity, base, summaries, skipped, records };
}

/** Null stands for the reference itself: nothing is closer to it. */
function qualityOf(differences: readonly (OutputDifference | null)[]): Quality {
  const some = differences.filter((difference) => difference !== null);
  if (some.length === 0)
    return {
      psnr: PSNR_CAP,
      ssim: 1,
      layerPsnr: PSNR_CAP,
      layerSsim: 1,
      alphaIou: 1,
      latentNmse: null,
      finalNmse: 0,
    };
  const layers = some.flatMap((difference) => difference.layers);
  const curves = some.flatMap(({ latentNmse }) => (latentNmse ? [latentNmse] : []));
  const finals = some.flatMap(({ finalNmse }) => (finalNmse === undefined ? [] : [finalNmse]));
  return {
    psnr: mean(some.map(({ psnr }) => psnr)),
    ssim: mean(some.map(({ ssim }) => ssim)),
    layerPsnr: meanOrNull(layers.map(({ psnr }) => psnr)),
    layerSsim: meanOrNull(layers.map(({ ssim }) => ssim)),
    alphaIou: meanOrNull(layers.map(({ alphaIou }) => alphaIou)),
    latentNmse: curves.length === some.length ? curves[0].map((_, i) => mean(curves.map((curve) => curve[i]))) : null,
    finalNmse: meanOrNull(finals),
  };
}

function commonPattern(records: readonly StudyRecord[]): string {
  const patterns = records.map(({ cost }) =>
    cost.passes.filter(({ branch }) => branch === 'cond').map(({ hit }) => (hit ? '0' : '1')),
  );
  return patterns[0].map((mark, step) => (patterns.every((pattern) => pattern[step] === mark) ? mark : '*')).join('');
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function meanOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : mean(values);
}

function maxOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
