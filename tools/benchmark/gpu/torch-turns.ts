import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../../../runtime/engine.ts';
import type { Program } from '../../../runtime/program/program.ts';
import { packageRoot } from '../machine.ts';
import { PeerSession } from '../peers.ts';
import { figure, spreadText, tableLines } from '../print-report.ts';
import { spreadOf, type Spread } from '../statistics.ts';
import type { StepContext, StepResult } from './step.ts';

/** Something that torch_large.py computes, with data of its own. */
export type TorchTask = Readonly<Record<string, string | number | boolean>>;

/** Ours of a comparison: ready to run, checked before. */
export interface OurTurn {
  readonly program: Program;
  readonly fault: string | null;
  readonly dispose: () => void;
}

/** A comparison: ours and torch's forms of the same work, sampled in turns. */
export interface TurnsRow {
  readonly name: string;
  readonly flops: number;
  readonly ours: readonly { readonly name: string; readonly make: (engine: Engine) => Promise<OurTurn> }[];
  readonly torch: readonly { readonly name: string; readonly task: TorchTask }[];
}

/** A contestant's figures. */
interface Figures {
  readonly name: string;
  /** Milliseconds of one run by the wall clock: back-to-back runs with one wait at the end. */
  readonly time: Spread | null;
  readonly fault: string | null;
}

/** Turns of each, samples of a turn, milliseconds of a sample: fifty samples of a contestant by default. */
const TURNS = { rounds: 10, samples: 5, sampleMs: 15 } as const;
const MAX_RUNS = 1024;

/**
 * The Python with torch to run beside: the one named, else python3.
 *
 * @param anyDevice take a torch without CUDA too: for dry runs
 */
export function findTorch(named: string | undefined, anyDevice: boolean): StepContext['torch'] {
  const scripts = join(packageRoot(), 'bench/peers');
  if (!existsSync(join(scripts, 'torch_large.py'))) return { absent: 'bench/peers is not in this package' };
  const python = named ?? 'python3';
  const probe = 'import torch, numpy; print("cuda" if torch.cuda.is_available() else "cpu")';
  const { status, stdout } = spawnSync(python, ['-c', probe], { encoding: 'utf8' });
  if (status !== 0) return { absent: `${python} has no torch` };
  if (stdout.trim() !== 'cuda' && !anyDevice) return { absent: `torch of ${python} sees no CUDA device` };
  return { python, scripts };
}

/** Samples each row's contestants in turns. Without torch ours runs alone, and says so. */
export async function takeTurns(context: StepContext, rows: readonly TurnsRow[]): Promise<StepResult> {
  const scratch = mkdtempSync(join(tmpdir(), 'layerloom-turns-'));
  const found: { name: string; flops: number; contestants: Figures[] }[] = [];
  let session: PeerSession | undefined;
  let absent = '';
  try {
    if ('absent' in context.torch) absent = context.torch.absent;
    else
      try {
        session = await startTorch(context.torch, scratch);
      } catch (error) {
        absent = textOf(error);
      }
    const torch = session?.version ?? `absent: ${absent}`;
    for (const row of rows) {
      if (context.isLate()) break;
      found.push({ name: row.name, flops: row.flops, contestants: await turnsOf(context, row, session) });
      context.keep({ torch, rows: found });
      process.stderr.write(`${row.name}\n`);
    }
    const wrong = found.flatMap(({ contestants }) => contestants).find(({ name, fault }) => fault && !isTorch(name));
    return {
      fault: wrong ? `${wrong.name}: ${wrong.fault}` : null,
      lines: [
        session ? session.version : `torch is ${torch}`,
        ...(context.isNull ? found.map(({ name }) => `compiled: ${name}`) : found.flatMap(rowLines)),
        ...(found.length < rows.length ? [`${rows.length - found.length} more were not tried, the time was up`] : []),
      ],
      data: { torch, rows: found },
    };
  } finally {
    await session?.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

function startTorch({ python, scripts }: { python: string; scripts: string }, scratch: string): Promise<PeerSession> {
  const probe = 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")';
  const device = spawnSync(python, ['-c', probe], { encoding: 'utf8' }).stdout.trim();
  return PeerSession.start({ name: `torch-${device}`, command: [python, 'torch_large.py', device] }, scripts, scratch);
}

async function turnsOf(
  { engine, isNull, isSmall, isLate }: StepContext,
  row: TurnsRow,
  session: PeerSession | undefined,
): Promise<Figures[]> {
  const samples = new Map<string, number[]>();
  const faults = new Map<string, string>();
  const ours: { name: string; turn: OurTurn; runMs: number }[] = [];
  try {
    for (const { name, make } of row.ours) {
      samples.set(name, []);
      try {
        const turn = await make(engine);
        ours.push({ name, turn, runMs: await warm(engine, turn.program) });
        if (turn.fault && !isNull) faults.set(name, turn.fault);
      } catch (error) {
        engine.assertUsable();
        faults.set(name, textOf(error));
      }
    }
    for (const { name } of row.torch) samples.set(name, []);
    const rounds = isSmall ? 2 : TURNS.rounds;
    for (let round = 0; round < rounds && !(round > 1 && isLate()); round++) {
      for (const { name, turn, runMs } of ours)
        for (let i = 0; i < TURNS.samples; i++) samples.get(name)?.push(await sampleOurs(engine, turn.program, runMs));
      for (const { name, task } of session ? row.torch : []) {
        if (!session || faults.has(name)) continue;
        try {
          // torch_large.py keeps what a row made ready, so that later turns only warm up again.
          const prepared = await session.prepare({ ...task, row: row.name } as never);
          if ('skipped' in prepared) throw new Error(prepared.skipped);
          for (let i = 0; i < TURNS.samples; i++) {
            const { runs, ms } = await session.sample(TURNS.sampleMs);
            samples.get(name)?.push(ms / runs);
          }
        } catch (error) {
          faults.set(name, textOf(error));
        }
      }
    }
  } finally {
    for (const { turn } of ours) turn.dispose();
    engine.pool.trim();
    await session?.release();
  }
  return [...samples].map(([name, times]) => ({
    name,
    time: times.length > 0 ? spreadOf(times) : null,
    fault: faults.get(name) ?? (times.length > 0 ? null : 'not run'),
  }));
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
  const torchBest = Math.min(
    ...contestants.filter((one) => isTorch(one.name)).map(({ time }) => time?.p50 ?? Infinity),
  );
  const cells = contestants.map((one) => [
    one.name,
    one.time ? spreadText(one.time) : '',
    one.time ? figure(flops / one.time.p50 / 1e9) : '',
    one.time && !isTorch(one.name) && Number.isFinite(torchBest)
      ? `${Math.round((100 * torchBest) / one.time.p50)} %`
      : '',
    one.fault ?? '',
  ]);
  return [name, ...tableLines(['', 'ms', 'TFLOP/s', 'of best torch', ''], cells, 1).map((line) => `  ${line}`)];
}

function isTorch(name: string): boolean {
  return name.startsWith('torch');
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
