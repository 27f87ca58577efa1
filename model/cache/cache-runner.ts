import type { Engine } from '../../runtime/engine.ts';
import { UsageError } from '../../runtime/errors.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import { compileProgram, type Program } from '../../runtime/program/program.ts';
import { runProgramsPaced, type ProgramPart } from '../../runtime/program/submits.ts';
import type { BranchPass, Denoiser, PassReport, PassRunner, RegionDifference } from '../denoise/denoiser.ts';
import { runSegments, type BlockHook } from '../hooks/block-hooks.ts';
import { joinRanges } from '../mmdit/block.ts';
import { EMBED_SEGMENT, HEAD_SEGMENT, PASS_STATES } from '../mmdit/transformer-program.ts';
import type { TransformerPass } from '../mmdit/transformer.ts';
import type { TokenRange } from '../tokens/token-plan.ts';
import type { CacheTokens, ParsedCacheConfig } from './cache-config.ts';
import {
  CACHE_SEGMENTS,
  CACHE_STATES,
  factorCount,
  factorIndexOf,
  recordCache,
  SHARED_STREAMS,
  type CacheProgramSpec,
} from './cache-program.ts';
import type { CacheBranch, CachePlan, CachePolicy, CacheVerdict, Calibrator, Forecast } from './contract.ts';

/** What a cache works on. */
export interface CacheContext {
  /** The passes that will be run, each with a branch of its own; the guided one first. */
  readonly passes: readonly BranchPass[];
  readonly numSteps: number;
  /** S_i. */
  readonly numTokens: number;
  /** Image tokens that move: with `noise` the difference is measured on each of these ranges, and reported for each. */
  readonly predicted: readonly TokenRange[];
  /** Where the configuration does not say; default `all`, as cache-dit and diffusers have it. */
  readonly tokens?: CacheTokens;
  /** Called after segments of the passes, as without a cache; blocks that a hit leaves out are not seen. */
  readonly hooks?: readonly BlockHook[];
  readonly signal?: AbortSignal;
}

/** The device side of one branch. */
interface BranchPrograms {
  readonly pass: TransformerPass;
  /** `regions`: the measured ranges are regions of the plan. */
  readonly spec: CacheProgramSpec & { readonly regions: boolean };
  readonly program: Program;
  readonly factors: Float32Array;
}

/** What one branch of one run remembers. */
interface BranchRun {
  readonly calibrator: Calibrator;
  hasPrevious: boolean;
  hasResidual: boolean;
}

/** A call on its way: first blocks are submitted, the rest waits for the verdict. */
interface PendingCall {
  readonly branch: CacheBranch;
  readonly programs: BranchPrograms;
  /** Recorded work that is not submitted yet: it goes out together, when something waits for it. */
  readonly queue: ProgramPart[];
  /** Of the run: seen between submits. */
  readonly signal: AbortSignal | undefined;
  flops: number;
}

/** A verdict, or the measurement that it waits for. */
type Pending = CacheVerdict | { readonly means: Promise<Float32Array> };

/**
 * A step cache in the place of the full passes: runs the first blocks, asks its policy, and then either the middle blocks
 * or the sum of a kept residual, and the last blocks. Everything is recorded beforehand: a step makes nothing new.
 *
 * A run begins with a fresh policy and fresh calibrators, and nothing on the device is read before it was written in
 * the same run: what an aborted or failed run left behind is never seen.
 */
export class CacheRunner implements PassRunner {
  readonly plan: CachePlan;
  readonly #context: CacheContext;
  readonly #branches: ReadonlyMap<CacheBranch, BranchPrograms>;
  #policy: CachePolicy | undefined;
  #runs = new Map<CacheBranch, BranchRun>();

  /** Use `createCacheRunner`. */
  constructor(plan: CachePlan, context: CacheContext, branches: ReadonlyMap<CacheBranch, BranchPrograms>) {
    this.plan = plan;
    this.#context = context;
    this.#branches = branches;
  }

  /** The cache's own program of a branch: for the profiler. @throws UsageError for another branch */
  programOf(branch: CacheBranch): Program {
    return this.#programs(branch).program;
  }

  #programs(branch: CacheBranch): BranchPrograms {
    const programs = this.#branches.get(branch);
    if (!programs) throw new UsageError(`cache: was made for other passes, has no branch "${branch}".`);
    return programs;
  }

  begin(): void {
    this.#policy = this.plan.policy();
    this.#runs = new Map();
    for (const branch of this.#branches.keys())
      this.#runs.set(branch, { calibrator: this.plan.calibrator(), hasPrevious: false, hasResidual: false });
  }

  /**
   * Both passes' first blocks are submitted before the first verdict is waited for, so that with guidance the device works
   * on one pass while the other's difference travels.
   */
  async run(passes: readonly BranchPass[], step: number, signal?: AbortSignal): Promise<PassReport[]> {
    const reports: PassReport[] = [];
    const started: { call: PendingCall; pending: Pending | undefined }[] = [];
    for (const { branch } of passes) {
      const call = await this.#start(branch, step, signal);
      const isFirst = started.length === 0;
      started.push({
        call,
        pending: isFirst || this.plan.independentBranches ? await this.#ask(call, step) : undefined,
      });
    }
    // While a difference travels, the device has the other pass's first blocks to work on.
    if (started.some(({ pending }) => pending && 'means' in pending))
      for (const { call } of started) await submit(call);
    for (const { call, pending } of started)
      reports.push(await this.#finish(call, pending ?? (await this.#ask(call, step)), step));
    return reports;
  }

  async #start(branch: CacheBranch, step: number, signal: AbortSignal | undefined): Promise<PendingCall> {
    const programs = this.#programs(branch);
    const call: PendingCall = { branch, programs, queue: [], signal, flops: 0 };
    await this.#runPass(call, [EMBED_SEGMENT], step);
    this.#runCache(call, [CACHE_SEGMENTS.mark]);
    await this.#runPass(call, programs.pass.blocks(0, this.plan.firstBlocks), step);
    return call;
  }

  /** The policy's verdict, or the start of a measurement. */
  async #ask(call: PendingCall, step: number): Promise<Pending> {
    const run = this.#run(call.branch);
    const verdict = this.#policyNow().decide({ step, branch: call.branch });
    if (verdict !== 'measure') return verdict;
    if (!run.hasPrevious) return this.#policyNow().compare({ step, branch: call.branch }, Number.NaN);
    this.#runCache(call, [CACHE_SEGMENTS.measure]);
    await submit(call);
    const means = call.programs.program.read(CACHE_STATES.means) as Promise<Float32Array>;
    means.catch(() => {}); // awaited later, or never where the other branch fails first
    return { means };
  }

  async #finish(call: PendingCall, pending: Pending, step: number): Promise<PassReport> {
    const { branch, programs } = call;
    const { pass, spec } = programs;
    let verdict: CacheVerdict;
    let difference = Number.NaN;
    let regions: readonly RegionDifference[] | undefined;
    if ('means' in pending) {
      const means = await pending.means;
      difference = relativeDifference(means, spec.measured);
      const policy = this.#policyNow();
      verdict = policy.compare({ step, branch }, difference);
      if (spec.regions) regions = regionDifferences(means, policy, verdict);
    } else {
      verdict = pending;
      difference = verdict.difference ?? Number.NaN;
    }
    const { firstBlocks, lastBlocks } = this.plan;
    const middle = pass.blocks(firstBlocks, pass.numBlocks - lastBlocks);
    const run = this.#run(branch);
    const computed = verdict.action === 'compute';
    if (computed) {
      this.#runCache(call, [CACHE_SEGMENTS.keep]);
      run.hasPrevious = true;
      await this.#runPass(call, middle, step);
      this.#runCache(call, run.calibrator.store(step).map(CACHE_SEGMENTS.store));
      run.hasResidual = true;
    } else {
      if (!run.hasResidual)
        throw new UsageError(
          `cache: step ${step} (${branch}) is to reuse what an earlier step computed, but none was: a policy must compute first.`,
        );
      this.#addForecast(call, run.calibrator.forecast(step));
    }
    await this.#runPass(call, [...pass.blocks(pass.numBlocks - lastBlocks, pass.numBlocks), HEAD_SEGMENT], step);
    await submit(call);
    return {
      branch,
      computed,
      blocksRun: computed ? pass.numBlocks : firstBlocks + lastBlocks,
      difference,
      flops: call.flops,
      flopsSaved: computed ? 0 : pass.program.flops(middle),
      reason: verdict.reason,
      ...(regions ? { regions } : {}),
    };
  }

  #addForecast(call: PendingCall, { mix, add }: Forecast): void {
    const { spec, factors, program } = call.programs;
    const segments: string[] = [];
    const push = (segment: string, keep: number, weight: number): void => {
      const at = factorIndexOf(spec, segment);
      factors[at] = keep;
      factors[at + 1] = weight;
      segments.push(segment);
    };
    mix?.terms.forEach(({ slot, weight }, i) =>
      push(CACHE_SEGMENTS.mix(mix.into, slot), i === 0 ? mix.keep : 1, weight),
    );
    for (const { slot, weight } of add) push(CACHE_SEGMENTS.add(slot), 1, weight);
    program.write(CACHE_STATES.factors, factors);
    this.#runCache(call, segments);
  }

  async #runPass(call: PendingCall, segments: readonly string[], step: number): Promise<void> {
    const { pass } = call.programs;
    call.flops += pass.program.flops(segments);
    const { hooks = [] } = this.#context;
    if (hooks.length === 0) {
      call.queue.push({ program: pass.program, segments });
      return;
    }
    await submit(call);
    await runSegments(pass, segments, { branch: call.branch, step }, hooks);
  }

  #runCache(call: PendingCall, segments: readonly string[]): void {
    const { program } = call.programs;
    call.flops += program.flops(segments);
    call.queue.push({ program, segments });
  }

  #run(branch: CacheBranch): BranchRun {
    const run = this.#runs.get(branch);
    if (!run) throw new UsageError('cache: begin() must be called before the first step of a run.');
    return run;
  }

  #policyNow(): CachePolicy {
    if (!this.#policy) throw new UsageError('cache: begin() must be called before the first step of a run.');
    return this.#policy;
  }

  /** Frees the cache's buffers. The passes stay. */
  dispose(): void {
    for (const { program } of this.#branches.values()) program.dispose();
  }
}

function submit(call: PendingCall): Promise<void> {
  return runProgramsPaced(call.queue.splice(0), call.signal);
}

/** mean |prev - r| / mean |prev| over all ranges together, from the means of each. */
function relativeDifference(means: Float32Array, ranges: readonly TokenRange[]): number {
  let apart = 0;
  let size = 0;
  ranges.forEach(([start, end], i) => {
    apart += means[2 * i] * (end - start);
    size += means[2 * i + 1] * (end - start);
  });
  return apart / size;
}

function regionDifferences(means: Float32Array, policy: CachePolicy, verdict: CacheVerdict): RegionDifference[] {
  return Array.from({ length: means.length / 2 }, (_, i) => {
    const difference = means[2 * i] / means[2 * i + 1];
    return { difference, hit: policy.isNear?.(difference) ?? verdict.action === 'reuse' };
  });
}

/**
 * Compiles a step cache for the passes of a loop.
 *
 * @throws ConfigError `cache` where model or steps do not suit the configuration
 * @throws DeviceError `out-of-memory`, `limit`, ... as any program
 */
export async function createCacheRunner(
  engine: Engine,
  config: ParsedCacheConfig,
  context: CacheContext,
): Promise<CacheRunner> {
  const numBlocks = context.passes[0]?.pass.numBlocks ?? 0;
  const plan = config.plan({ numBlocks, numSteps: context.numSteps });
  const whole: readonly TokenRange[] = [[0, context.numTokens]];
  const moving = joinRanges(context.predicted, context.numTokens);
  const tokens = config.tokens ?? context.tokens ?? 'all';
  const branches = new Map<CacheBranch, BranchPrograms>();
  try {
    for (const { branch, pass } of context.passes) {
      const txtShape = pass.program.plan.states.get(PASS_STATES.txt)?.shape ?? [0, 0];
      const spec = {
        regions: tokens === 'noise',
        imgLen: context.numTokens,
        txtLen: txtShape[0],
        width: txtShape[1],
        measured: tokens === 'noise' ? context.predicted : whole,
        // After the middle blocks only the head follows, and it looks at moving tokens alone.
        reused: plan.lastBlocks === 0 ? moving : whole,
        withText: plan.lastBlocks > 0,
        calibrator: plan.calibrator(),
      };
      const builder = new ProgramBuilder(engine.facts, `cache (${branch})`);
      recordCache(builder, spec);
      const program = await compileProgram(engine, builder.finish(), {
        bind: {
          [SHARED_STREAMS.img]: pass.program.share(PASS_STATES.img),
          [SHARED_STREAMS.txt]: pass.program.share(PASS_STATES.txt),
        },
        ...(context.signal ? { signal: context.signal } : {}),
      });
      branches.set(branch, { pass, spec, program, factors: new Float32Array(factorCount(spec)) });
    }
  } catch (error) {
    for (const { program } of branches.values()) program.dispose();
    throw error;
  }
  return new CacheRunner(plan, context, branches);
}

/**
 * The step cache of a loop; it is freed together with the loop.
 *
 * @param tokens where the configuration does not say; regional plans: `noise`
 */
export async function cacheRunnerOf(
  engine: Engine,
  config: ParsedCacheConfig,
  denoiser: Denoiser,
  options: Pick<CacheContext, 'tokens' | 'hooks' | 'signal'> = {},
): Promise<CacheRunner> {
  const { plan } = denoiser.spec;
  const passes: BranchPass[] = (['cond', 'uncond'] as const).flatMap((branch) => {
    const pass = denoiser.passes[branch];
    return pass ? [{ branch, pass }] : [];
  });
  const runner = await createCacheRunner(engine, config, {
    passes,
    numSteps: denoiser.numSteps,
    numTokens: plan.numTokens,
    predicted: plan.predicted,
    ...options,
  });
  denoiser.adopt(runner);
  return runner;
}
