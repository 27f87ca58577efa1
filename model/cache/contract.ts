/*
 * What a step cache is made of. Everything here is plain decision logic without a device: `cache-runner.ts` carries it
 * out. Terms of `golden/kinds-cache.md`: a *call* is one pass of the transformer; a call is *computed*, or a *hit* that
 * reuses what the middle blocks added at an earlier computed call of its branch.
 */

/** The guided pass (`cond`) or the unguided one. */
export type CacheBranch = 'cond' | 'uncond';

/** One pass of the transformer. */
export interface CacheCall {
  /** 0-based step of the loop, the same for both branches of a step. */
  readonly step: number;
  readonly branch: CacheBranch;
}

/** What is done with a call, and why. `difference` is the one that was compared, where it is not the call's own. */
export interface CacheVerdict {
  readonly action: 'compute' | 'reuse';
  /** One word for logs and reports: `warmup`, `mask`, `near`, ... */
  readonly reason: string;
  readonly difference?: number;
}

/**
 * Decides call by call. One object serves one run and is thrown away after it, so no state outlives a run, whatever
 * ends it.
 */
export interface CachePolicy {
  /** A verdict that needs no measurement, or `measure`: then `compare` is asked. Called once for each call, in order. */
  decide(call: CacheCall): CacheVerdict | 'measure';
  /**
   * The verdict on a measured difference.
   *
   * @param difference mean|prev - r| / mean|prev|: r is what the first blocks added to the image stream in this call,
   *   prev what they added in the branch's last computed call. NaN where nothing was computed yet or prev is all zeros
   */
  compare(call: CacheCall, difference: number): CacheVerdict;
  /** Whether a difference alone speaks for reusing: for reports on single regions. Absent: they follow the verdict. */
  isNear?(difference: number): boolean;
}

/** A residual tensor kept on the device, times a number. */
export interface SlotTerm {
  readonly slot: number;
  readonly weight: number;
}

/** How a hit's residual comes about from the slots. */
export interface Forecast {
  /** First, where given: slot `into` becomes keep * itself + the sum of the terms. `keep` 0 does not read it. */
  readonly mix?: { readonly into: number; readonly keep: number; readonly terms: readonly SlotTerm[] };
  /** Then the sum of these is added to the stream. */
  readonly add: readonly SlotTerm[];
}

/**
 * Forecasts the middle blocks' residual at hits from those of computed calls. It works on names of tensors (slots 0,
 * 1, ...) and numbers only; both streams go through the same forecast. One object serves one branch of one run.
 */
export interface Calibrator {
  /** Tensors that it keeps per stream. */
  readonly slots: number;
  /** Every [into, from] that a forecast may mix: recorded before the run. */
  readonly mixes: readonly (readonly [into: number, from: number])[];
  /** The call of `step` was computed. @returns the slots that take its residual */
  store(step: number): readonly number[];
  /** The call of `step` is a hit. Only called after `store`. */
  forecast(step: number): Forecast;
}

/** What a method needs to know of the model and the run. */
export interface CacheModel {
  readonly numBlocks: number;
  readonly numSteps: number;
}

/** A configured method: which blocks always run, and makers of what decides. */
export interface CachePlan {
  /** F >= 1: blocks 0..F-1 always run; what they add is compared. */
  readonly firstBlocks: number;
  /** B: the last blocks always run. F + B <= the model's blocks. */
  readonly lastBlocks: number;
  /** Whether a branch's verdict never depends on the other branch's in the same step: then both measure at once. */
  readonly independentBranches: boolean;
  /** A fresh policy, for one run. */
  policy(): CachePolicy;
  /** A fresh calibrator, for one branch of one run. */
  calibrator(): Calibrator;
}

/** A way of caching, by name. */
export interface CacheMethod {
  /**
   * Checks a configuration (all its fields but `method` and `tokens`) for a model.
   *
   * @throws ConfigError that names the field
   */
  plan(fields: Readonly<Record<string, unknown>>, model: CacheModel): CachePlan;
}
