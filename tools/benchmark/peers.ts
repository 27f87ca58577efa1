import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { writeFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { UsageError } from '../../runtime/errors.ts';
import type { ContestSample } from './our-contestant.ts';
import type { PeerTask, WorkloadTensors } from './workloads/workload.ts';

/** Peers that `bench/peers/setup.sh` knows how to set up. */
export const KNOWN_PEERS = ['ort-webgpu', 'ort-cpu', 'jax-js', 'tfjs', 'tinygrad', 'torch-cpu', 'torch-cuda'] as const;

/** A peer as the set-up wrote it down in `peers.json`. */
interface PeerEntry {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

type Reply = Readonly<Record<string, unknown>>;

/** Milliseconds that a peer may take for one answer: large kernels compile for long on CPU drivers. */
const PATIENCE = 300_000;

/** Peers that were started, and those that are not there. */
export class Peers {
  readonly sessions: PeerSession[] = [];
  readonly absent: { readonly name: string; readonly reason: string }[] = [];
  readonly #scratch = mkdtempSync(join(tmpdir(), 'layerloom-bench-'));
  #offered = 0;

  /**
   * Starts the peers of a folder that `bench/peers/setup.sh` made, each as a process of its own.
   *
   * @param folder undefined: no peers at all
   * @throws UsageError if the folder holds no `peers.json`
   */
  static async open(folder: string | undefined): Promise<Peers> {
    const peers = new Peers();
    if (folder === undefined) return peers;
    let entries: readonly PeerEntry[];
    try {
      ({ peers: entries } = JSON.parse(readFileSync(join(folder, 'peers.json'), 'utf8')) as { peers: PeerEntry[] });
    } catch (cause) {
      peers.#clean();
      throw new UsageError(`bench: ${folder} holds no peers. Set them up: bench/peers/setup.sh ${folder}`, { cause });
    }
    for (const name of KNOWN_PEERS) {
      const entry = entries.find((candidate) => candidate.name === name);
      if (!entry) {
        peers.absent.push({ name, reason: 'not installed' });
        continue;
      }
      try {
        peers.sessions.push(await PeerSession.start(entry, folder, peers.#scratch));
      } catch (error) {
        peers.absent.push({ name, reason: error instanceof Error ? error.message : String(error) });
      }
    }
    return peers;
  }

  /** Writes the inputs of the next workload where all peers read them. */
  async offer(tensors: WorkloadTensors): Promise<void> {
    if (this.sessions.length === 0) return;
    const written = await writeTensors(this.#scratch, String(this.#offered++), tensors);
    for (const session of this.sessions) session.inputs = written;
  }

  async close(): Promise<void> {
    await Promise.all(this.sessions.map((session) => session.close()));
    this.#clean();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #clean(): void {
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}

/** A tensor as peers read it: row-major; f16 as codes, q8_0 as ggml's blocks (an f16 scale and 32 int8 each). */
export interface PeerTensor {
  readonly dtype: 'f32' | 'f16' | 'q8_0';
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

/** Where a tensor lies for a peer. */
export interface WrittenTensor extends Omit<PeerTensor, 'data'> {
  readonly file: string;
}

/** Writes tensors into files of a folder, whose names begin with `prefix`. */
export async function writeTensors(
  folder: string,
  prefix: string,
  tensors: Readonly<Record<string, PeerTensor>>,
): Promise<Record<string, WrittenTensor>> {
  const written: Record<string, WrittenTensor> = {};
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    const file = join(folder, `${prefix}-${name}.bin`);
    await writeFile(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    written[name] = { file, dtype, shape };
  }
  return written;
}

/**
 * One peer: a process that answers a line of JSON on file descriptor 3 for each line on its stdin. Its stdout and stderr go
 * to a log: libraries print warnings there, some without a line end.
 */
export class PeerSession {
  readonly name: string;
  /** What the process says of itself: versions, device. */
  version = '';
  inputs: Readonly<Record<string, WrittenTensor>> = {};
  readonly #process: ChildProcess;
  readonly #replies: AsyncIterator<string>;
  readonly #output: string;
  readonly #log: string;
  readonly #exited: Promise<void>;
  #ended: string | undefined;

  private constructor(name: string, child: ChildProcess, output: string, log: string) {
    this.name = name;
    this.#process = child;
    this.#output = output;
    this.#log = log;
    this.#replies = createInterface({ input: child.stdio[3] as Readable })[Symbol.asyncIterator]();
    this.#exited = new Promise((resolve) => {
      child.on('exit', (code, signal) => {
        this.#ended = `ended with ${signal ?? code}`;
        resolve();
      });
      child.on('error', (error) => {
        this.#ended = error.message;
        resolve();
      });
    });
    child.stdin?.on('error', () => {}); // an ended process says so by its exit
  }

  /** Whether the process is over. */
  get hasEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Of the process; 0 where it did not start. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** @throws Error with the end of its log if it does not get ready */
  static async start(entry: PeerEntry, folder: string, scratch: string): Promise<PeerSession> {
    const [program, ...args] = entry.command;
    const log = join(scratch, `${entry.name}.log`);
    const descriptor = openSync(log, 'w');
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...entry.env },
      stdio: ['pipe', descriptor, descriptor, 'pipe'],
    });
    closeSync(descriptor);
    const session = new PeerSession(entry.name, child, join(scratch, `${entry.name}.out`), log);
    const { ready } = await session.#reply();
    session.version = typeof ready === 'string' ? ready : '';
    return session;
  }

  /** Makes the task ready and answers it once. */
  async prepare(task: PeerTask): Promise<{ readonly coldMs: number } | { readonly skipped: string }> {
    try {
      const reply = await this.#ask({ prepare: task, inputs: this.inputs });
      if (typeof reply.unsupported === 'string') return { skipped: reply.unsupported };
      return { coldMs: Number(reply.coldMs) };
    } catch (error) {
      return { skipped: error instanceof Error ? error.message : String(error) };
    }
  }

  /** The result of the first run, f32. */
  async result(): Promise<Float32Array> {
    await this.#ask({ result: this.#output });
    const bytes = await readFile(this.#output);
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  }

  async sample(targetMs: number): Promise<ContestSample> {
    const { runs, ms } = await this.#ask({ sample: targetMs });
    return { runs: Number(runs), ms: Number(ms) };
  }

  async release(): Promise<void> {
    if (this.#ended === undefined) await this.#ask({ release: true }).catch(() => {});
  }

  /** Ends the process: by closing its stdin, and by force where that does not help. */
  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 5000);
    await this.#exited;
    clearTimeout(timer);
  }

  async #ask(command: Reply): Promise<Reply> {
    if (this.#ended !== undefined) throw new Error(this.#describeEnd());
    this.#process.stdin?.write(`${JSON.stringify(command)}\n`);
    const reply = await this.#reply();
    if (typeof reply.error === 'string') throw new Error(reply.error);
    return reply;
  }

  async #reply(): Promise<Reply> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#process.kill('SIGKILL');
        reject(new Error(`no answer within ${PATIENCE / 1000} s`));
      }, PATIENCE);
    });
    try {
      const { value, done } = await Promise.race([this.#replies.next(), late]);
      if (done) {
        // Its answers are closed a moment before it is known how it ended.
        await Promise.race([this.#exited, late]);
        throw new Error(this.#describeEnd());
      }
      return JSON.parse(value) as Reply;
    } finally {
      clearTimeout(timer);
    }
  }

  #describeEnd(): string {
    let last = '';
    try {
      last = readFileSync(this.#log, 'utf8').trim().split('\n').slice(-3).join(' ').slice(-300);
    } catch {
      // No log, no more to say.
    }
    return `${this.#ended ?? 'closed its answers'}${last === '' ? '' : `: ${last}`}`;
  }
}
