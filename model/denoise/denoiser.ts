import type { Engine } from '../../runtime/engine.ts';
import { ShapeError, UsageError } from '../../runtime/errors.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import { compileProgram, type Program } from '../../runtime/program/program.ts';
import { runProgramsPaced } from '../../runtime/program/submits.ts';
import type { Tensor } from '../../runtime/tensor.ts';
import { ModulationLayout } from '../mmdit/modulation-layout.ts';
import type { QwenImageTransformer2DModel, TransformerPass } from '../mmdit/transformer.ts';
import { PASS_STATES, type AttentionMaps, type CondEmbedding } from '../mmdit/transformer-program.ts';
import { joinRanges } from '../mmdit/block.ts';
import type { TextFeatures } from '../text/text-encoder.ts';
import type { TokenPlan, TokenRange } from '../tokens/token-plan.ts';
import type { SamplerFactory } from '../sampler/custom-sampler.ts';
import { runCustomStep } from './custom-step.ts';
import { prepareModulation, type ModulationFeed, type ModulationMode } from './modulation-feed.ts';
import { recordStep, STEP_STATES, stepScalars, type StepSpec } from './step-program.ts';

/** Everything that a loop of denoising steps needs but noise. */
export interface DenoiseSpec {
  readonly plan: Pick<
    TokenPlan,
    'numTokens' | 'positions' | 'modulationRows' | 'modulationRowCount' | 'condFlags' | 'predicted' | 'textStart'
  >;
  /** Noise levels: numSteps + 1 falling numbers, the last 0. */
  readonly sigmas: ArrayLike<number>;
  readonly text: TextFeatures;
  /** Text of the unguided pass; guidance is on where it is given. */
  readonly negative?: TextFeatures;
  /** Weight of guidance; used with `negative` only. */
  readonly cfgScale?: number;
  readonly rescale?: StepSpec['rescale'];
  readonly form: StepSpec['form'];
  readonly predicts: StepSpec['predicts'];
  readonly ropeTheta?: number;
  readonly condEmbedding?: CondEmbedding;
  readonly additionalTCond?: number;
  /** Where the modulation vectors come from; the tokens are the same. Default `table`. */
  readonly modulation?: ModulationMode;
  /** Attention maps that the passes write out for hooks to read. */
  readonly attentionMaps?: AttentionMaps;
}

/** What a step has done. */
export interface StepReport {
  /** 0-based. */
  readonly step: number;
  readonly numSteps: number;
  readonly sigma: number;
  readonly sigmaNext: number;
  /** Transformer passes of the step: one, or two with guidance; more where a sampler asks the network again. */
  readonly passes: readonly PassReport[];
}

/** What one pass of a step has done. */
export interface PassReport {
  readonly branch: Branch;
  /** False where a step cache took the place of some blocks. */
  readonly computed: boolean;
  readonly blocksRun: number;
  /** Relative difference that the cache's decision compared; NaN where it compared none. */
  readonly difference: number;
  readonly flops: number;
  readonly flopsSaved: number;
  /** Why a step cache computed or reused: `warmup`, `mask`, `near`, `far`, ... */
  readonly reason?: string;
  /** Where a step cache measured regions one by one: what it saw of each, in the order of the plan's noise regions. */
  readonly regions?: readonly RegionDifference[];
}

/** What a step cache measured on one region. */
export interface RegionDifference {
  readonly difference: number;
  /** Whether the region alone would have been reused. The decision is one for all of them: they share every block. */
  readonly hit: boolean;
}

/** The guided pass (`cond`) or the unguided one. */
export type Branch = 'cond' | 'uncond';

/** A pass and which one it is. */
export interface BranchPass {
  readonly branch: Branch;
  readonly pass: TransformerPass;
}

/** Runs the blocks of a pass: all of them, or what a step cache leaves of them. */
export interface PassRunner {
  /** Called once before the first step of every run: whatever a run before it left is stale. */
  begin?(): void;
  /**
   * Runs the passes of a step, the guided one first. Text and modulation of both are set.
   *
   * @param signal of the run, for runners that wait between their submits
   */
  run(passes: readonly BranchPass[], step: number, signal?: AbortSignal): Promise<PassReport[]>;
}

/** Computes every block. */
export const FULL_PASS: PassRunner = {
  run: async (passes, _step, signal) => {
    await runProgramsPaced(
      passes.map(({ pass }) => ({ program: pass.program })),
      signal,
    );
    return passes.map(({ pass, branch }) => {
      const flops = pass.program.flops();
      return { branch, computed: true, blocksRun: pass.numBlocks, difference: Number.NaN, flops, flopsSaved: 0 };
    });
  },
};

/** One run of the loop. */
export interface DenoiseRun {
  /** f32 [N, C] in plan order: noise at predicted tokens, clean and condition tokens elsewhere. */
  readonly tokens: Float32Array;
  /** Fresh noise f32 [N, C] after step i (rows that are not predicted are not read); needed by form `renoise`. */
  readonly fresh?: (step: number) => Float32Array;
  readonly onStep?: (report: StepReport, denoiser: Denoiser) => void | Promise<void>;
  readonly signal?: AbortSignal;
  readonly runner?: PassRunner;
  /** Takes the place of the spec's step: tokens and velocity then travel to the host and back at every step. */
  readonly sampler?: SamplerFactory;
}

/**
 * The compiled loop: one or two transformer passes and the step between noise levels, all replayed. Clean and condition
 * tokens go in untouched at every step; only predicted rows move.
 */
export class Denoiser {
  readonly spec: DenoiseSpec;
  readonly passes: Readonly<Record<Branch, TransformerPass | undefined>>;
  readonly #engine: Engine;
  readonly #tokens: Tensor;
  readonly #step: Program;
  readonly #modulation: ModulationFeed;
  readonly #owned: { dispose(): void }[];

  private constructor(
    engine: Engine,
    spec: DenoiseSpec,
    parts: {
      cond: TransformerPass;
      uncond: TransformerPass | undefined;
      step: Program;
      modulation: ModulationFeed;
      tokens: Tensor;
      owned: Tensor[];
    },
  ) {
    this.#engine = engine;
    this.spec = spec;
    this.passes = { cond: parts.cond, uncond: parts.uncond };
    this.#step = parts.step;
    this.#modulation = parts.modulation;
    this.#tokens = parts.tokens;
    this.#owned = parts.owned;
  }

  /** Steps of the loop. */
  get numSteps(): number {
    return this.spec.sigmas.length - 1;
  }

  /** Device bytes that the modulation vectors take during a run: the table, or weights that stay resident. */
  get modulationBytes(): number {
    return this.#modulation.byteLength;
  }

  /** Predicted rows, neighbouring ranges joined. */
  get ranges(): TokenRange[] {
    return joinRanges(this.spec.plan.predicted, this.spec.plan.numTokens);
  }

  /** Compiles the passes and the step, and tabulates the modulation of all noise levels (or loads its weights). */
  static async prepare(
    engine: Engine,
    transformer: QwenImageTransformer2DModel,
    spec: DenoiseSpec,
    signal?: AbortSignal,
  ): Promise<Denoiser> {
    checkSigmas(spec.sigmas);
    const { plan } = spec;
    const { config } = transformer;
    const channels = config.inChannels;
    const owned: Tensor[] = [];
    const make = (label: string, shape = [plan.numTokens, channels]): Tensor => {
      const tensor = engine.tensor('f32', shape, undefined, label);
      owned.push(tensor);
      return tensor;
    };
    const disposables: { dispose(): void }[] = [];
    try {
      const tokens = make('tokens');
      const velocity = make('velocity');
      const guided = spec.negative !== undefined;
      // One for both passes: their vectors are the same.
      const vectors = make('modulation', [plan.modulationRowCount, new ModulationLayout(config).total]);
      const modulation = await prepareModulation(transformer, spec, vectors, signal);
      disposables.push(modulation);
      const pass = async (text: TextFeatures, out: Tensor): Promise<TransformerPass> => {
        const prepared = await transformer.prepare(
          {
            tokens: plan,
            textLength: text.length,
            ropeTheta: spec.ropeTheta ?? 10_000,
            ...(spec.condEmbedding ? { condEmbedding: spec.condEmbedding } : {}),
            ...(spec.attentionMaps ? { attentionMaps: spec.attentionMaps } : {}),
          },
          { [PASS_STATES.tokens]: tokens, [PASS_STATES.velocity]: out, [PASS_STATES.modulation]: vectors },
          signal,
        );
        disposables.push(prepared);
        prepared.setText(text.data);
        return prepared;
      };
      const cond = await pass(spec.text, velocity);
      const negativeVelocity = guided ? make('velocity (negative)') : undefined;
      const uncond = spec.negative && negativeVelocity ? await pass(spec.negative, negativeVelocity) : undefined;
      const builder = new ProgramBuilder(engine.facts, 'step');
      recordStep(builder, {
        numTokens: plan.numTokens,
        channels,
        ranges: joinRanges(plan.predicted, plan.numTokens),
        form: spec.form,
        predicts: spec.predicts,
        ...(guided ? { cfgScale: spec.cfgScale ?? 1, rescale: spec.rescale ?? 'none' } : {}),
      });
      const step = await compileProgram(engine, builder.finish(), {
        bind: {
          [STEP_STATES.tokens]: tokens,
          [STEP_STATES.velocity]: velocity,
          ...(negativeVelocity ? { [STEP_STATES.negative]: negativeVelocity } : {}),
        },
        ...(signal ? { signal } : {}),
      });
      return new Denoiser(engine, spec, { cond, uncond, step, modulation, tokens, owned });
    } catch (error) {
      for (const item of [...disposables, ...owned]) item.dispose();
      throw error;
    }
  }

  /**
   * Runs the loop and returns the tokens at the end, f32 [N, C] in plan order.
   *
   * Waits for the device after every step, and between the submits of a full pass: an abort is seen within one of them.
   *
   * @throws the signal's reason when aborted
   */
  async run(run: DenoiseRun): Promise<Float32Array> {
    const { sigmas } = this.spec;
    const runner = run.runner ?? FULL_PASS;
    if (run.tokens.length !== this.#tokens.byteLength / 4)
      throw new ShapeError(
        `denoise: tokens must be [${this.#tokens.shape.join(', ')}], got ${run.tokens.length} values.`,
      );
    this.#tokens.write(run.tokens);
    runner.begin?.();
    const sampler = run.sampler?.({ sigmas: Array.from(sigmas), ranges: this.ranges, channels: this.#tokens.shape[1] });
    const passes: readonly BranchPass[] = (['cond', 'uncond'] as const).flatMap((branch) => {
      const pass = this.passes[branch];
      return pass ? [{ branch, pass }] : [];
    });
    for (let step = 0; step < this.numSteps; step++) {
      run.signal?.throwIfAborted();
      const evaluate = async (by: PassRunner, at: number): Promise<PassReport[]> => {
        this.#modulation.set(at, passes[0].pass); // all passes read the one tensor
        return by.run(passes, at, run.signal);
      };
      const reports = await evaluate(runner, step);
      if (sampler) {
        const loop = { spec: this.spec, ranges: this.ranges, tokens: this.#tokens, passes };
        await runCustomStep(sampler, loop, step, async (at) => void reports.push(...(await evaluate(FULL_PASS, at))));
      } else this.#recordedStep(run, step);
      await this.#engine.idle();
      await run.onStep?.(
        { step, numSteps: this.numSteps, sigma: sigmas[step], sigmaNext: sigmas[step + 1], passes: reports },
        this,
      );
    }
    run.signal?.throwIfAborted();
    return this.readTokens();
  }

  #recordedStep(run: DenoiseRun, step: number): void {
    const { sigmas, form } = this.spec;
    this.#step.write(STEP_STATES.scalars, stepScalars(sigmas[step], sigmas[step + 1]));
    if (form === 'renoise' && step < this.numSteps - 1) {
      if (!run.fresh) throw new UsageError('denoise: form "renoise" needs fresh noise after every step but the last.');
      this.#step.write(STEP_STATES.fresh, run.fresh(step));
    }
    this.#step.run();
  }

  /** The tokens as they stand, f32 [N, C] in plan order. */
  async readTokens(): Promise<Float32Array> {
    return (await this.#tokens.read()) as Float32Array;
  }

  /** Makes something that works on this loop's passes go with it: a step cache. It is disposed first. */
  adopt(item: { dispose(): void }): void {
    this.#owned.unshift(item);
  }

  /** Frees everything but the transformer's weights. */
  dispose(): void {
    for (const item of this.#owned) item.dispose();
    this.passes.cond?.dispose();
    this.passes.uncond?.dispose();
    this.#step.dispose();
    this.#modulation.dispose();
  }
}

function checkSigmas(sigmas: ArrayLike<number>): void {
  if (sigmas.length < 2) throw new UsageError(`denoise: sigmas must be at least 2 numbers, got ${sigmas.length}.`);
  for (let i = 0; i + 1 < sigmas.length; i++)
    if (!(sigmas[i] > sigmas[i + 1]) || sigmas[i] > 1)
      throw new UsageError(`denoise: sigmas must fall from at most 1 to 0, got ${sigmas[i]} before ${sigmas[i + 1]}.`);
  if (sigmas[sigmas.length - 1] !== 0)
    throw new UsageError(`denoise: the last sigma must be 0, got ${sigmas[sigmas.length - 1]}.`);
}
