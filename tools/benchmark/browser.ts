import { describeDevice } from './device.ts';
import type { BenchMachine, BenchReport, KernelRow } from './report.ts';
import { createEngine, type Engine } from '../../runtime/engine.ts';
import { ALL_OP_CASES } from './op-cases.ts';
import { plotsOf } from './bench-plots.ts';
import { hostTime } from './host-time.ts';
import { headLines, kernelLines } from './print-report.ts';
import { runSuite } from './suite.ts';

/** What the page asks for. */
export interface BrowserBenchOptions {
  /** Version and commit that the page was built from. */
  readonly source: Pick<BenchReport, 'layerloom' | 'commit'>;
  /** Op ids; empty: all. */
  readonly ops: readonly string[];
  readonly caseText?: string;
  readonly variants: 'chosen' | 'all';
  /** Seconds of samples for each kernel. */
  readonly seconds: number;
  readonly onRow?: (row: KernelRow) => void;
  readonly signal?: AbortSignal;
}

/** Pages get the time in steps of 0.1 ms, and encoding a dispatch takes less. */
const CALLS_PER_SAMPLE = 500;

/** Ids of the ops that the page can measure. */
export const OP_IDS: readonly string[] = ALL_OP_CASES.map(({ op }) => op);

/**
 * Runs the suite on the page's own device. The same report as the command line's: its JSON can be compared with others.
 *
 * @throws DeviceError if the browser has no WebGPU adapter
 */
export async function benchInBrowser(gpu: GPU, options: BrowserBenchOptions): Promise<BenchReport> {
  const engine = await createEngine({ gpu });
  try {
    const { source, ops, caseText, variants, seconds, onRow, signal } = options;
    const suite = await runSuite(engine, {
      ops: ALL_OP_CASES.filter(({ op }) => ops.length === 0 || ops.includes(op)),
      ...(caseText ? { caseText } : {}),
      variants,
      clock: { seconds, minSamples: 3, maxSamples: 50 },
      hostTime: (encode) => hostTime(encode, CALLS_PER_SAMPLE),
      ...(onRow ? { onRow } : {}),
      ...(signal ? { signal } : {}),
    });
    return {
      format: 'layerloom-bench',
      version: 1,
      date: new Date().toISOString(),
      ...source,
      machine: describeBrowser(engine),
      clock: suite.clock,
      tuning: null,
      roofs: suite.roofs,
      kernels: suite.kernels,
      workloads: [],
      peers: {},
    };
  } finally {
    engine.dispose();
  }
}

function describeBrowser(engine: Engine): BenchMachine {
  return {
    ...describeDevice(engine),
    webgpu: 'the browser',
    host: navigator.userAgent,
    cpus: navigator.hardwareConcurrency,
  };
}

/** A report as text and as drawings. */
export function renderReport(report: BenchReport): { readonly text: string; readonly plots: readonly string[] } {
  return {
    text: [...headLines(report), '', ...kernelLines(report.kernels)].join('\n'),
    plots: plotsOf(report).map(({ svg }) => svg),
  };
}
