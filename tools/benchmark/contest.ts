import type { Engine } from '../../runtime/engine.ts';
import { OurContestant, type ContestSample } from './our-contestant.ts';
import type { PeerSession, Peers } from './peers.ts';
import { processCpuMs } from './process-cpu.ts';
import type { ContestantResult, WorkloadRow } from './report.ts';
import { errorOf, spreadOf, type ResultError } from './statistics.ts';
import type { Reference, Workload } from './workloads/workload.ts';

/** How long and how often contestants are sampled. */
export interface ContestOptions {
  /** Turns of each contestant. */
  readonly rounds: number;
  /** Samples of a turn. */
  readonly samplesPerTurn: number;
  /** Milliseconds of back-to-back runs that make a sample. */
  readonly sampleMs: number;
  /** A contestant whose samples of a workload took longer than this gets no more, from MIN_SAMPLES on. */
  readonly budgetMs: number;
  readonly onRow?: (row: WorkloadRow) => void;
}

export const DEFAULT_CONTEST: ContestOptions = { rounds: 4, samplesPerTurn: 2, sampleMs: 120, budgetMs: 8000 };
/** Samples that even the slowest contestant gives: the least that has a median. */
const MIN_SAMPLES = 3;

/** Somebody who has a workload ready. */
interface Entrant {
  readonly name: string;
  readonly coldMs: number;
  readonly error: ResultError;
  readonly fault: string | null;
  readonly pid: number;
  readonly sample: (targetMs: number) => Promise<ContestSample>;
  readonly release: () => Promise<void>;
}

/**
 * Runs workloads by all contestants on the same device: each first answers once and is checked, then they are sampled in
 * turns, so that a slow spell of the machine hits all of them.
 *
 * Time is the wall clock around back-to-back runs with one wait at the end, for everybody: peers offer nothing finer.
 */
export async function runContest(
  engine: Engine,
  workloads: readonly Workload[],
  peers: Peers,
  options: ContestOptions = DEFAULT_CONTEST,
): Promise<WorkloadRow[]> {
  const rows: WorkloadRow[] = [];
  for (const workload of workloads) {
    const row = await contestOf(engine, workload, peers, options);
    rows.push(row);
    options.onRow?.(row);
  }
  return rows;
}

async function contestOf(
  engine: Engine,
  workload: Workload,
  peers: Peers,
  options: ContestOptions,
): Promise<WorkloadRow> {
  const inputs = workload.inputs();
  const reference = workload.reference(inputs);
  const entrants: Entrant[] = [];
  const absent: ContestantResult[] = [];
  try {
    try {
      const ours = await OurContestant.prepare(engine, workload, inputs);
      const judged = judge(await ours.result(), reference, workload.bound);
      entrants.push({
        name: 'layerloom',
        coldMs: ours.coldMs,
        pid: process.pid,
        ...judged,
        sample: (targetMs) => ours.sample(targetMs),
        release: () => ours.release(),
      });
    } catch (error) {
      engine.assertUsable();
      absent.push(resultWithout('layerloom', null, error instanceof Error ? error.message : String(error)));
    }
    await peers.offer(inputs);
    for (const peer of peers.sessions) {
      const prepared = await peer.prepare(workload.task);
      if ('skipped' in prepared) absent.push(resultWithout(peer.name, prepared.skipped, null));
      else entrants.push(await enterPeer(peer, prepared.coldMs, reference, workload.bound));
    }
    for (const { name, reason } of peers.absent) absent.push(resultWithout(name, reason, null));
    const samples = entrants.map((): number[] => []);
    const cpu = entrants.map((): number[] => []);
    const spentMs = entrants.map(() => 0);
    const broken = new Map<string, string>();
    const isDone = (i: number): boolean =>
      broken.has(entrants[i].name) || (spentMs[i] > options.budgetMs && samples[i].length >= MIN_SAMPLES);
    for (let round = 0; round < options.rounds; round++)
      for (const [i, entrant] of entrants.entries())
        for (let n = 0; n < options.samplesPerTurn && !isDone(i); n++)
          try {
            const before = processCpuMs(entrant.pid);
            const { runs, ms } = await entrant.sample(options.sampleMs);
            const after = processCpuMs(entrant.pid);
            samples[i].push(ms / runs);
            if (before !== null && after !== null) cpu[i].push((after - before) / runs);
            spentMs[i] += ms;
          } catch (error) {
            engine.assertUsable();
            broken.set(entrant.name, error instanceof Error ? error.message : String(error));
          }
    const { id, name, flops, bytes, bound } = workload;
    const figures = entrants.map((entrant, i): ContestantResult => {
      const { name: who, error, fault, coldMs } = entrant;
      const time = samples[i].length > 0 ? spreadOf(samples[i]) : null;
      const cpuTime = engine.info.isSoftware && cpu[i].length > 0 ? spreadOf(cpu[i]) : null;
      return { name: who, skipped: null, fault: broken.get(who) ?? fault, error, time, cpuTime, coldMs };
    });
    return { id, name, flops, bytes, bound, contestants: [...figures, ...absent] };
  } finally {
    for (const entrant of entrants) await entrant.release();
  }
}

async function enterPeer(peer: PeerSession, coldMs: number, reference: Reference, bound: number): Promise<Entrant> {
  let judged: ReturnType<typeof judge>;
  try {
    judged = judge(await peer.result(), reference, bound);
  } catch (error) {
    judged = { error: { max: Infinity, rms: Infinity }, fault: error instanceof Error ? error.message : String(error) };
  }
  return {
    name: peer.name,
    coldMs,
    pid: peer.pid,
    ...judged,
    sample: (targetMs) => peer.sample(targetMs),
    release: () => peer.release(),
  };
}

/** A peer's result against the reference: the largest difference must be within `bound` of the largest value. */
export function judge(
  result: Float32Array,
  reference: Reference,
  bound: number,
): { readonly error: ResultError; readonly fault: string | null } {
  if (result.length !== reference.length)
    return {
      error: { max: Infinity, rms: Infinity },
      fault: `has ${result.length} elements, expected ${reference.length}`,
    };
  const error = errorOf(
    Float32Array.from(reference.indices, (index) => result[index]),
    reference.values,
  );
  const isRight = error.max <= bound;
  return { error, fault: isRight ? null : `error ${error.max.toExponential(1)} exceeds ${bound.toExponential(0)}` };
}

function resultWithout(name: string, skipped: string | null, fault: string | null): ContestantResult {
  return { name, skipped, fault, error: null, time: null, cpuTime: null, coldMs: null };
}
