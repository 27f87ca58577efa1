import { basename, join } from 'node:path';
import type { OpCases } from '../../kernels/cases.ts';
import type { Engine } from '../../runtime/engine.ts';
import { UsageError } from '../../runtime/errors.ts';
import { cacheFolder } from '../../runtime/node/cache-folder.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';
import { DEFAULT_CONTEST, runContest } from './contest.ts';
import { DEFAULT_CLOCK } from './dispatch-clock.ts';
import { hostTime } from './host-time.ts';
import { describeMachine, describeSource } from './machine.ts';
import { ALL_OP_CASES } from './op-cases.ts';
import { Peers } from './peers.ts';
import { workloadLines } from './print-report.ts';
import type { BenchReport, WorkloadRow } from './report.ts';
import { runSuite } from './suite.ts';
import { blockTargets, decoderTargets } from './tune-targets.ts';
import { tune } from './tuner.ts';
import { readTuning, writeTuning } from './tuning-file.ts';
import { loadUserVariant } from './user-variant.ts';
import { workloadsOf } from './workloads/index.ts';

/** Flags of the command, as commander reads them. */
export interface BenchFlags {
  readonly case?: string;
  readonly allVariants?: boolean;
  readonly with: readonly string[];
  readonly workloads?: string;
  readonly peers?: string | true;
  readonly rounds: number;
  readonly seconds: number;
  readonly tuning?: string;
  readonly tune?: string;
  readonly tuneWidth?: number;
  readonly tuneTokens?: readonly number[];
  readonly tuneSide?: number;
  readonly json?: string;
  readonly plots?: string;
  readonly compare?: string;
  readonly list?: boolean;
}

/** The ops of these names; all where there are none. @throws UsageError if one is unknown */
function chooseOps(names: readonly string[]): readonly OpCases[] {
  const known = ALL_OP_CASES.map(({ op }) => op);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`bench: no op "${unknown}". Ops: ${known.join(', ')}.`);
  return names.length === 0 ? ALL_OP_CASES : ALL_OP_CASES.filter(({ op }) => names.includes(op));
}

function listOf(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((id) => id.trim());
}

/** Folder of the peers: the one named, or the set-up's own where the flag stands alone. */
function peerFolder(flag: string | true | undefined): string | undefined {
  return flag === true ? join(cacheFolder(), 'peers') : flag;
}

/** Ops and the names of their cases; those for the bench only are marked. */
export function listCases(names: readonly string[]): string[] {
  return chooseOps(names).flatMap(({ op, cases }) => [
    op,
    ...cases.map(({ name, benchOnly }) => `  ${benchOnly ? '*' : ' '} ${name}`),
  ]);
}

/**
 * Opens the device, measures, and returns the report. Progress goes to stderr.
 *
 * @param onPartial gets the report so far after each workload: peers take minutes
 * @throws UsageError for an unknown op, workload or a bad `--with` file; DeviceError without a device
 */
export async function runBench(
  names: readonly string[],
  flags: BenchFlags,
  onPartial?: (report: BenchReport) => void,
): Promise<BenchReport> {
  const note = (line: string): void => void process.stderr.write(`${line}\n`);
  const withOps = flags.with.length > 0 && names.length === 0;
  const userVariants = await Promise.all(
    flags.with.map((file) =>
      loadUserVariant(
        file,
        ALL_OP_CASES.map(({ op }) => op),
      ),
    ),
  );
  const workloads = workloadsOf(listOf(flags.workloads)).filter(({ name }) => name.includes(flags.case ?? ''));
  // Workloads alone measure no kernels.
  const ops =
    workloads.length > 0 && names.length === 0 && !withOps
      ? []
      : chooseOps(withOps ? userVariants.map(({ op }) => op) : names);
  const dawn = { disable: ['timestamp_quantization'] };
  if (flags.tune !== undefined) await tuneInto(flags.tune, flags, note);
  const tuningFile = flags.tune ?? flags.tuning;
  const tuning = tuningFile === undefined ? undefined : await readTuning(tuningFile);
  await using engine: Engine = await openEngine({ dawn, ...(tuning ? { tuning: tuning.table } : {}) });
  if (tuning && tuning.device !== engine.info.description)
    note(`the tuning file is of another device, "${tuning.device}": what it names may be slower here`);
  const clock = { ...DEFAULT_CLOCK, seconds: flags.seconds };
  const suite = await runSuite(engine, {
    ops,
    ...(flags.case === undefined ? {} : { caseText: flags.case }),
    variants: flags.allVariants ? 'all' : 'chosen',
    userVariants,
    clock,
    hostTime,
    onRow: ({ op, case: name, variant, fault }) => note(`${op} ${name} [${variant}]${fault ? ' WRONG' : ''}`),
  });
  for (const line of suite.skipped) note(`skipped ${line}`);
  await using peers = await Peers.open(workloads.length > 0 ? peerFolder(flags.peers) : undefined);
  const done: WorkloadRow[] = [];
  const report = (): BenchReport => ({
    format: 'layerloom-bench',
    version: 1,
    date: new Date().toISOString(),
    ...describeSource(),
    machine: describeMachine(engine),
    clock: suite.clock,
    tuning: tuningFile === undefined ? null : basename(tuningFile),
    roofs: suite.roofs,
    kernels: suite.kernels,
    workloads: done,
    peers: Object.fromEntries(peers.sessions.map(({ name, version }) => [name, version])),
  });
  await runContest(engine, workloads, peers, {
    ...DEFAULT_CONTEST,
    rounds: flags.rounds,
    onRow: (row) => {
      done.push(row);
      note(workloadLines([row]).join('\n'));
      onPartial?.(report());
    },
  });
  return report();
}

/** Tunes products and attention of an MMDiT block and convolutions of a decoder, of the flags' sizes; writes the file. */
async function tuneInto(file: string, flags: BenchFlags, note: (line: string) => void): Promise<void> {
  await using engine = await openEngine({ dawn: { disable: ['timestamp_quantization'] } });
  const isLarge = engine.facts.kind === 'gpu';
  const { tuneWidth = isLarge ? 3072 : 768, tuneTokens = isLarge ? [256, 4352, 12800] : [64, 320] } = flags;
  const { tuneSide = isLarge ? 1024 : 64 } = flags;
  const dtype = isLarge ? 'f16' : 'f32';
  const targets = [...blockTargets(engine, tuneWidth, tuneTokens, dtype), ...decoderTargets(engine, tuneSide, dtype)];
  const tuned = await tune(engine, targets, ({ op, shapeClass, chosen, times }) =>
    note(
      `${op} ${shapeClass}: ${chosen} (${times.map(({ variant, ms }) => `${variant} ${ms?.toFixed(2) ?? 'out'}`).join(', ')})`,
    ),
  );
  await writeTuning(file, engine, tuned);
}
