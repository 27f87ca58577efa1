import type { MatrixConfig } from '../../kernels/facts.ts';
import type { ResultError, Spread } from './statistics.ts';

/** What the machine reached in the probes. */
export interface Roofs {
  /** Copy probe: bytes read and written, in 10^9 per second. */
  readonly copyGbs: number;
  /** Multiply-add probe in f32, 10^9 operations per second. */
  readonly fmaGflops: number;
  /** Product of f16 matrices with f32 sums out of registers, where the device has a matrix unit. */
  readonly matrixGflops: number | null;
}

/** One variant of one op at one shape. */
export interface KernelRow {
  readonly op: string;
  readonly case: string;
  readonly variant: string;
  /** `layerloom`, or the file of a user's variant. */
  readonly source: string;
  /** Whether the planner picks this variant on this device. */
  readonly chosen: boolean;
  readonly flops: number;
  readonly bytes: number;
  /** What is wrong with the result; then nothing is timed. */
  readonly fault: string | null;
  /** Against the f64 reference. */
  readonly error: ResultError | null;
  /** Milliseconds of one dispatch, by the clock that the report names. */
  readonly time: Spread | null;
  /** Microseconds of JavaScript to encode one dispatch in a pass of its own. */
  readonly hostUs: Spread | null;
  /** Creating the pipeline, and what the first run took longer than later ones. */
  readonly compileMs: number | null;
  readonly gflops: number | null;
  readonly gbs: number | null;
  /** Share of the lower of the two roofs that bounds it, and which that is. */
  readonly roof: { readonly bound: 'memory' | 'arithmetic' | 'matrix'; readonly share: number } | null;
}

/** One contestant in one workload. */
export interface ContestantResult {
  /** `layerloom` or a peer's name. */
  readonly name: string;
  /** Why there is no figure: not installed, cannot run it, crashed. */
  readonly skipped: string | null;
  /** What is wrong with the result. Its time is kept, and never called a speed. */
  readonly fault: string | null;
  readonly error: ResultError | null;
  /** Milliseconds of one run: back-to-back runs, data on the device, one wait at the end. */
  readonly time: Spread | null;
  /**
   * On a CPU driver: CPU milliseconds of one run, all threads of the process. Other load on the machine stretches wall time,
   * and unevenly; it hardly touches this. Null or absent where unknown.
   */
  readonly cpuTime?: Spread | null;
  /** First run, compilation included. */
  readonly coldMs: number | null;
}

/** All contestants in one workload, measured in turns. */
export interface WorkloadRow {
  /** C1 ... C6, G1 ... G8. */
  readonly id: string;
  readonly name: string;
  readonly flops: number;
  readonly bytes: number;
  /** Largest error that counts as right. */
  readonly bound: number;
  readonly contestants: readonly ContestantResult[];
}

/** Where and with what a report was made. */
export interface BenchMachine {
  /** The adapter's own words. */
  readonly device: string;
  readonly vendor: string;
  readonly architecture: string;
  readonly isSoftware: boolean;
  readonly subgroups: readonly [min: number, max: number] | null;
  readonly f16: boolean;
  readonly matrixConfigs: readonly MatrixConfig[];
  /** Package and version of the WebGPU implementation, or the browser. */
  readonly webgpu: string;
  readonly host: string;
  /** Logical CPUs that the process may use, where known. */
  readonly cpus: number | null;
}

/** A run of the bench: what `--json` writes and `--compare` reads. */
export interface BenchReport {
  readonly format: 'layerloom-bench';
  readonly version: 1;
  readonly date: string;
  /** Commit of the source tree, or null where there is none. */
  readonly commit: string | null;
  readonly layerloom: string;
  readonly machine: BenchMachine;
  /** What times kernels: `timestamp` queries, or the `wall` clock where the device has none. */
  readonly clock: 'timestamp' | 'wall';
  /** Name of the tuning file that planners followed, or null. */
  readonly tuning: string | null;
  readonly roofs: Roofs;
  readonly kernels: readonly KernelRow[];
  readonly workloads: readonly WorkloadRow[];
  /** What the peers that took part say of themselves, by name. */
  readonly peers: Readonly<Record<string, string>>;
}

/** Name of a kernel row: equal in two reports where they measured the same thing. */
export function kernelKey(row: Pick<KernelRow, 'op' | 'case' | 'variant' | 'source'>): string {
  return [row.op, row.case, row.variant, row.source].join(' | ');
}
