import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../../../runtime/engine.ts';
import type { Program } from '../../../runtime/program/program.ts';
import { judge } from '../contest.ts';
import type { CaseData } from '../kernel-run.ts';
import { writeTensors, type PeerSession, type PeerTensor } from '../peers.ts';
import { figure, spreadText, tableLines } from '../print-report.ts';
import { spreadOf, type Spread } from '../statistics.ts';
import type { Reference } from '../workloads/workload.ts';
import type { StepContext, StepResult } from './step.ts';

/** Something that a peer computes, in a form that goes through JSON. */
export type RivalTask = Readonly<Record<string, string | number | boolean>>;

/** Ours of a comparison: ready to run, checked before. */
export interface OurTurn {
  readonly program: Program;
  readonly fault: string | null;
  readonly dispose: () => void;
}

/** What a comparison is made of, for us and for the peers, and what they should make of it. */
export interface RowData {
  readonly own: CaseData;
  readonly tensors: Readonly<Record<string, PeerTensor>>;
  readonly reference: Reference;
  /** Largest error, relative to the largest value, that counts as right. */
  readonly bound: number;
}

/** A peer's form of the work. */
export interface Rival {
  readonly name: string;
  /** Which of the peers; the rivals of a row that share one are made ready again for each turn. */
  readonly peer: string;
  readonly task: RivalTask;
}

/** Our form of the work. */
export interface OurForm {
  readonly name: string;
  readonly make: (engine: Engine, data: RowData | undefined) => Promise<OurTurn>;
}

/** A comparison: ours and the peers' forms of the same work, sampled in turns. */
export interface TurnsRow {
  readonly name: string;
  readonly flops: number;
  /** Absent: peers make data of their own, and only their time is of interest. */
  readonly data?: (engine: Engine) => RowData;
  readonly ours: readonly OurForm[];
  readonly rivals: readonly Rival[];
}

/** A process that takes part, and how it is started; starting throws the reason why it does not take part. */
export interface RivalPeer {
  readonly name: string;
  readonly start: (scratch: string) => Promise<PeerSession>;
}

/** A contestant's figures. */
interface Figures {
  readonly name: string;
  readonly isOurs: boolean;
  /** Milliseconds of one run by the wall clock: back-to-back runs with one wait at the end. */
  readonly time: Spread | null;
  /** Why it did not take part. */
  readonly skipped: string | null;
  readonly fault: string | null;
  /** Of a peer that got our data, relative to the largest value. */
  readonly error: number | null;
}

/** Turns of each, samples of a turn, milliseconds of a sample: fifty samples of a contestant by default. */
const TURNS = { rounds: 10, samples: 5, sampleMs: 15 } as const;
const MAX_RUNS = 1024;

/** Samples each row's contestants in turns. A peer that is absent or wrong is named; only ours fails a step. */
export async function takeTurns(
  context: StepContext,
  peers: readonly RivalPeer[],
  rows: readonly TurnsRow[],
): Promise<StepResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'layerloom-turns-'));
  const found: { name: string; flops: number; contestants: Figures[] }[] = [];
  const pool = new RivalPool(peers, scratch);
  try {
    await pool.open();
    for (const row of rows) {
      if (context.isLate()) break;
      found.push({ name: row.name, flops: row.flops, contestants: await turnsOf(context, row, pool, scratch) });
      context.keep({ peers: pool.versions, rows: found });
      process.stderr.write(`${row.name}\n`);
    }
    const wrong = found.flatMap(({ contestants }) => contestants).find(({ isOurs, fault }) => isOurs && fault);
    return {
      fault: wrong ? `${wrong.name}: ${wrong.fault}` : null,
      lines: [
        ...pool.describe(),
        ...(context.isNull ? found.map(({ name }) => `compiled: ${name}`) : found.flatMap(rowLines)),
        ...(found.length < rows.length ? [`${rows.length - found.length} more were not tried, the time was up`] : []),
      ],
      data: { peers: pool.versions, rows: found },
    };
  } finally {
    await pool.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The processes of a step: one that ended in a row is started anew for the next. */
class RivalPool {
  /** What each says of itself, or why it is absent. */
  readonly versions: Record<string, string> = {};
  readonly #peers: readonly RivalPeer[];
  readonly #scratch: string;
  readonly #sessions = new Map<string, PeerSession>();

  constructor(peers: readonly RivalPeer[], scratch: string) {
    this.#peers = peers;
    this.#scratch = scratch;
  }

  async open(): Promise<void> {
    for (const peer of this.#peers) await this.#start(peer);
  }

  /** A line for each; processes of one kind say the same. */
  describe(): string[] {
    const lines = Object.entries(this.versions).map(([name, version]) =>
      this.#sessions.has(name) ? version : `${name} is ${version}`,
    );
    return [...new Set(lines)];
  }

  get(name: string): PeerSession | undefined {
    return this.#sessions.get(name);
  }

  async restartEnded(): Promise<void> {
    for (const peer of this.#peers) if (this.#sessions.get(peer.name)?.hasEnded) await this.#start(peer);
  }

  async #start({ name, start }: RivalPeer): Promise<void> {
    this.#sessions.delete(name);
    try {
      const session = await start(this.#scratch);
      this.#sessions.set(name, session);
      this.versions[name] = session.version;
    } catch (error) {
      this.versions[name] = `absent: ${textOf(error)}`;
    }
  }

  async release(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map((session) => session.close()));
  }
}

/** A contestant while its row is sampled. */
interface Entry {
  readonly name: string;
  readonly isOurs: boolean;
  readonly times: number[];
  skipped: string | null;
  fault: string | null;
  error: number | null;
}

function entryOf(name: string, isOurs: boolean): Entry {
  return { name, isOurs, times: [], skipped: null, fault: null, error: null };
}

async function turnsOf(
  { engine, isNull, isSmall, isLate }: StepContext,
  row: TurnsRow,
  pool: RivalPool,
  scratch: string,
): Promise<Figures[]> {
  const ours: { entry: Entry; turn: OurTurn; runMs: number }[] = [];
  const entries: Entry[] = [];
  try {
    await pool.restartEnded();
    const data = row.data?.(engine);
    for (const { name, make } of row.ours) {
      const entry = entryOf(name, true);
      entries.push(entry);
      try {
        const turn = await make(engine, data);
        if (turn.fault && !isNull) entry.fault = turn.fault;
        ours.push({ entry, turn, runMs: await warm(engine, turn.program) });
      } catch (error) {
        engine.assertUsable();
        entry.fault = textOf(error);
      }
    }
    const rivals = row.rivals.map((rival) => new RivalTurns(rival, row, pool));
    entries.push(...rivals.map(({ entry }) => entry));
    await prepareAll(rivals, data, scratch);
    const rounds = isSmall ? 2 : TURNS.rounds;
    for (let round = 0; round < rounds && !(round > 1 && isLate()); round++) {
      for (const { entry, turn, runMs } of ours)
        for (let i = 0; i < TURNS.samples; i++) entry.times.push(await sampleOurs(engine, turn.program, runMs));
      for (const rival of rivals) await rival.sample();
    }
  } finally {
    for (const { turn } of ours) turn.dispose();
    engine.pool.trim();
    await pool.release();
  }
  return entries.map(({ times, ...entry }) => ({ ...entry, time: times.length > 0 ? spreadOf(times) : null }));
}

/** Each rival answers once, and its answer is checked, before anybody is sampled. */
async function prepareAll(rivals: readonly RivalTurns[], data: RowData | undefined, scratch: string): Promise<void> {
  const present = rivals.filter(({ session }) => session);
  if (present.length === 0) return;
  const written = data ? await writeTensors(scratch, 'row', data.tensors) : {};
  for (const rival of present) await rival.prepare(written, data);
}

/** A rival's part in a row. Whatever goes wrong with it ends its part only. */
class RivalTurns {
  readonly entry: Entry;
  readonly session: PeerSession | undefined;
  readonly #task: RivalTask;
  readonly #isShared: boolean;

  constructor({ name, peer, task }: Rival, row: TurnsRow, pool: RivalPool) {
    this.entry = entryOf(name, false);
    this.session = pool.get(peer);
    if (!this.session) this.entry.skipped = 'absent';
    this.#task = { ...task, row: row.name };
    this.#isShared = row.rivals.filter((rival) => rival.peer === peer).length > 1;
  }

  async prepare(inputs: PeerSession['inputs'], data: RowData | undefined): Promise<void> {
    await this.#try(async (session) => {
      session.inputs = inputs;
      await this.#makeReady(session);
      if (!data) return;
      const { error, fault } = judge(await session.result(), data.reference, data.bound);
      this.entry.error = error.max;
      if (fault) this.entry.fault = `WRONG: ${fault}`;
    });
  }

  async sample(): Promise<void> {
    if (this.entry.fault && this.entry.error === null) return; // it could not run; what runs and is wrong is timed
    await this.#try(async (session) => {
      if (this.#isShared) await this.#makeReady(session);
      for (let i = 0; i < TURNS.samples; i++) {
        const { runs, ms } = await session.sample(TURNS.sampleMs);
        this.entry.times.push(ms / runs);
      }
    });
  }

  async #makeReady(session: PeerSession): Promise<void> {
    const prepared = await session.prepare(this.#task as never);
    if ('skipped' in prepared) throw new Error(prepared.skipped);
  }

  async #try(action: (session: PeerSession) => Promise<void>): Promise<void> {
    if (!this.session) return;
    try {
      if (this.session.hasEnded) throw new Error(this.entry.fault ?? 'its process has ended');
      await action(this.session);
    } catch (error) {
      this.entry.fault = textOf(error);
      this.entry.error = null;
    }
  }
}

/** Milliseconds of a run, once the first ones are over. */
async function warm(engine: Engine, program: Program): Promise<number> {
  let latest = Infinity;
  for (let i = 0; i < 3; i++) latest = await sampleOurs(engine, program, Infinity);
  return latest;
}

/** Milliseconds of a run, out of as many as fill a sample. */
async function sampleOurs(engine: Engine, program: Program, runMs: number): Promise<number> {
  const runs = Math.min(MAX_RUNS, Math.max(1, Math.round(TURNS.sampleMs / runMs)));
  const start = performance.now();
  for (let i = 0; i < runs; i++) program.run();
  await engine.idle();
  return (performance.now() - start) / runs;
}

function rowLines({ name, flops, contestants }: { name: string; flops: number; contestants: Figures[] }): string[] {
  const best = Math.min(
    ...contestants.filter(({ isOurs, fault }) => !isOurs && !fault).map(({ time }) => time?.p50 ?? Infinity),
  );
  const cells = contestants.map(({ name: who, isOurs, time, skipped, fault, error }) => [
    who,
    time ? spreadText(time) : '',
    time ? figure(flops / time.p50 / 1e9) : '',
    time && isOurs && Number.isFinite(best) ? `${Math.round((100 * best) / time.p50)} %` : '',
    error === null ? '' : error.toExponential(1),
    skipped ?? fault ?? '',
  ]);
  const head = ['', 'ms', 'TFLOP/s', 'of best peer', 'error', ''];
  return [name, ...tableLines(head, cells, 1).map((line) => `  ${line}`)];
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
