import type { Estimate, Resamples } from './bootstrap.ts';
import { estimate, sumOf } from './bootstrap.ts';
import { METRIC_KEYS, METRICS } from './metric-table.ts';
import type { MetricKey, Part } from './metric-table.ts';
import type { EvalRecord, RecordTags } from './score-design.ts';

/** Figures of a group of records; a metric without a measurement is absent. */
export type Figures = { [Key in MetricKey]?: Estimate };

/** What figures are split by. */
export const GROUPINGS = ['layerCount', 'overflow', 'element'] as const satisfies readonly (keyof RecordTags)[];
export type Grouping = (typeof GROUPINGS)[number];

/** All figures of one candidate in one task. */
export interface Summary {
  readonly overall: Figures;
  /** Figures by the value of each tag, values in order. */
  readonly groups: Readonly<Record<Grouping, Readonly<Record<string, Figures>>>>;
}

/** @param resamples drawn for as many designs as the records number */
export function summarize(records: readonly EvalRecord[], resamples: Resamples): Summary {
  const groupsOf = (grouping: Grouping): Record<string, Figures> => {
    const members = new Map<string, EvalRecord[]>();
    for (const record of records) {
      const tag = record.tags[grouping];
      if (tag !== undefined) members.set(tag, [...(members.get(tag) ?? []), record]);
    }
    const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([tag, some]) => [tag, figuresOf(some, resamples)]));
  };
  return {
    overall: figuresOf(records, resamples),
    groups: {
      layerCount: groupsOf('layerCount'),
      overflow: groupsOf('overflow'),
      element: groupsOf('element'),
    },
  };
}

function figuresOf(records: readonly EvalRecord[], resamples: Resamples): Figures {
  const figures: Figures = {};
  const designs = resamples[0]?.length ?? 0;
  for (const key of METRIC_KEYS) {
    const collected = Array.from({ length: designs }, (): Part[] => []);
    for (const { design, score } of records) {
      const part = score[key];
      if (part) collected[design].push(part);
    }
    const parts = collected.map((some) => (some.length === 0 ? undefined : sumOf(some)));
    const figure = estimate(METRICS[key].form, parts, resamples);
    if (figure) figures[key] = figure;
  }
  return figures;
}
