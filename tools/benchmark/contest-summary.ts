import { figure, tableLines } from './print-report.ts';
import type { ContestantResult, WorkloadRow } from './report.ts';
import { geometricMean } from './statistics.ts';

/** Peers that are compared as one, row by row the fastest of them; those that are wrong do not count. */
export const PEER_GROUPS = [
  { name: 'best npm peer', peers: ['ort-webgpu', 'jax-js', 'tfjs'] },
  { name: 'tinygrad', peers: ['tinygrad'] },
] as const;

/** Our row against a group: how many times as long the fastest right peer of it takes. */
export interface GroupRatio {
  readonly group: string;
  readonly peer: string;
  readonly ratio: number;
  /** The same in CPU time, where that is known. */
  readonly cpuRatio: number | null;
  /** Its error over ours: below 1 it is the more exact. */
  readonly errorRatio: number;
}

/** A row's ratios; none for a group of which nobody ran it right, or where ours did not. */
export function groupRatios({ contestants }: WorkloadRow): GroupRatio[] {
  const ours = contestants.find(({ name }) => name === 'layerloom');
  if (!isRight(ours)) return [];
  return PEER_GROUPS.flatMap(({ name: group, peers }) => {
    const right = contestants.filter(({ name }) => (peers as readonly string[]).includes(name)).filter(isRight);
    if (right.length === 0) return [];
    const best = right.reduce((a, b) => (b.time.p50 < a.time.p50 ? b : a));
    return [
      {
        group,
        peer: best.name,
        ratio: best.time.p50 / ours.time.p50,
        cpuRatio: best.cpuTime && ours.cpuTime ? best.cpuTime.p50 / ours.cpuTime.p50 : null,
        errorRatio: best.error.max / ours.error.max,
      },
    ];
  });
}

type RightResult = ContestantResult & {
  readonly time: NonNullable<ContestantResult['time']>;
  readonly error: NonNullable<ContestantResult['error']>;
};

function isRight(result: ContestantResult | undefined): result is RightResult {
  return result !== undefined && result.time !== null && result.error !== null && result.fault === null;
}

/** Ratios of all rows, and for each group the least and the geometric mean; nothing without peers. */
export function summaryLines(rows: readonly WorkloadRow[]): string[] {
  const all = rows.map((row) => ({ row, ratios: groupRatios(row) })).filter(({ ratios }) => ratios.length > 0);
  if (all.length === 0) return [];
  const groups = PEER_GROUPS.map(({ name }) => name).filter((name) =>
    all.some(({ ratios }) => ratios.some(({ group }) => group === name)),
  );
  const table = tableLines(
    ['workload', ...groups.flatMap((group) => [group, 'x ours', 'x in CPU time', 'its error / ours'])],
    all.map(({ row, ratios }) => [
      `${row.id} ${row.name}`,
      ...groups.flatMap((name) => {
        const found = ratios.find(({ group }) => group === name);
        if (!found) return ['', '', '', ''];
        const { peer, ratio, cpuRatio, errorRatio } = found;
        return [peer, figure(ratio), cpuRatio === null ? '' : figure(cpuRatio), figure(errorRatio)];
      }),
    ]),
    2,
  );
  const totals = groups.flatMap((name) => {
    const found = all.flatMap(({ ratios }) => ratios.filter(({ group }) => group === name));
    const cpu = found.flatMap(({ cpuRatio }) => (cpuRatio === null ? [] : [cpuRatio]));
    return [
      totalLine(
        name,
        found.map(({ ratio }) => ratio),
      ),
      ...(cpu.length > 0 ? [totalLine(`${name}, CPU time`, cpu)] : []),
    ];
  });
  return [...table, '', ...totals, ''];
}

function totalLine(name: string, ratios: readonly number[]): string {
  const [least, mean] = [Math.min(...ratios), geometricMean(ratios)].map(figure);
  return `${name}: ${ratios.length} rows, least ${least}, geometric mean ${mean}`;
}
