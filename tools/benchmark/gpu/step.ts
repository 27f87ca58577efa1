import type { Engine } from '../../../runtime/engine.ts';
import type { KernelRow, Roofs } from '../report.ts';
import type { ClockOptions } from '../dispatch-clock.ts';

/** What a step gets. */
export interface StepContext {
  readonly engine: Engine;
  /** Sizes for a dry run on a CPU driver. */
  readonly isSmall: boolean;
  /** Dawn's null back end: everything is compiled, nothing is computed, so results are not judged. */
  readonly isNull: boolean;
  readonly clock: ClockOptions;
  /** Roofs that an earlier step measured. */
  readonly roofs: Roofs | undefined;
  /** A Python with torch, and the folder of the scripts for it; or why there is none. */
  readonly torch: { readonly python: string; readonly scripts: string } | { readonly absent: string };
  /** Folder of the peers' scripts and packages. */
  readonly peers: string;
  /** The Python for peers that need no package of it. */
  readonly python: string;
  /** Peers take a CPU driver too: for dry runs. */
  readonly isAnyDevice: boolean;
  /** Where the tuner's file goes. */
  readonly tuningFile: string;
  /** Whether the step should come to an end: its time is up. */
  readonly isLate: () => boolean;
  /** Puts on disk what is known so far: a step may be killed, or take the process with it. */
  readonly keep: (data: unknown) => void;
}

/** What a step leaves behind. */
export interface StepResult {
  readonly fault: string | null;
  /** Why there was nothing to do. */
  readonly skipped?: string;
  readonly lines: readonly string[];
  readonly data: unknown;
}

/** One step: a process of its own, whose result is on disk before the next one starts. */
export interface GpuStep {
  readonly name: string;
  readonly what: string;
  /** Which of the three commands runs it, where a command may not take more than ten minutes. */
  readonly part: 1 | 2 | 3;
  /** Seconds on a large GPU: below the first it is not worth starting, at the second it is ended. */
  readonly seconds: readonly [least: number, most: number];
  readonly run: (context: StepContext) => Promise<StepResult>;
}

/** What is wrong with rows. On the null back end only what does not compile is: such a row has no error either. */
export function faultOfRows(rows: readonly KernelRow[], { isNull }: StepContext): string | null {
  const wrong = rows.filter(({ fault, error }) => fault !== null && !(isNull && error !== null));
  if (wrong.length === 0) return null;
  return `${wrong.length} of ${rows.length} kernels are wrong or do not compile, first ${wrong[0].case} [${wrong[0].variant}]: ${wrong[0].fault}`;
}
