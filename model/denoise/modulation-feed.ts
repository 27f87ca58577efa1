import type { Tensor } from '../../runtime/tensor.ts';
import type { QwenImageTransformer2DModel, TransformerPass } from '../mmdit/transformer.ts';

/**
 * Where a loop's modulation vectors come from. `table`: those of all steps are computed before the loop, and no
 * modulation weights stay on the device. `perStep`: each step computes its own, and the weights stay for the whole run.
 */
export type ModulationMode = 'table' | 'perStep';

/** What a feed needs to know of its loop. */
export interface ModulationSpec {
  /** numSteps + 1 noise levels; the network never sees the last. */
  readonly sigmas: ArrayLike<number>;
  /** `modulationRowCount`: 2 where tokens sit at t = 0. */
  readonly plan: { readonly modulationRowCount: number };
  readonly additionalTCond?: number;
  readonly modulation?: ModulationMode;
}

/** Puts a step's modulation vectors where all passes read them. */
export interface ModulationFeed {
  /** Device bytes that the vectors or the weights behind them take during a run. */
  readonly byteLength: number;
  /** Queues the vectors of a step. Does not wait; compiles and allocates nothing. */
  set(step: number, pass: TransformerPass): void;
  dispose(): void;
}

/**
 * Tabulates the vectors of all steps, or loads what computes them one step at a time.
 *
 * @param out f32 [modulationRowCount, layout.total]: the tensor that every pass binds as its modulation state
 */
export async function prepareModulation(
  transformer: QwenImageTransformer2DModel,
  spec: ModulationSpec,
  out: Tensor,
  signal?: AbortSignal,
): Promise<ModulationFeed> {
  const { additionalTCond, plan } = spec;
  const levels = Array.from(spec.sigmas).slice(0, -1);
  const zeros = plan.modulationRowCount > 1 ? [0] : [];
  const request = {
    ...(additionalTCond !== undefined ? { additionalTCond } : {}),
    ...(signal ? { signal } : {}),
  };
  if (spec.modulation === 'perStep') {
    const modulation = await transformer.stepModulation(out, request);
    return {
      byteLength: modulation.byteLength,
      set: (step) => modulation.run([levels[step], ...zeros]),
      dispose: () => void modulation.dispose(), // nothing runs after it: only its buffers are given back
    };
  }
  const table = await transformer.modulation({ timesteps: [...levels, ...zeros], ...request });
  return {
    byteLength: table.tensor.byteLength + table.temb.byteLength,
    set: (step, pass) => pass.setModulation(table, step, zeros.length > 0 ? levels.length : undefined),
    dispose: () => table.dispose(),
  };
}
