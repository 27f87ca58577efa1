import { encodeSafetensors, type TensorToWrite } from '../../runtime/safetensors/writer.ts';
import type { BlockHook, HookTensor, SegmentOutput } from './block-hooks.ts';

/** What to keep of a run. */
export interface CaptureSpec {
  /** Segments, e.g. `['block.3', 'head']`; absent: all. */
  readonly segments?: readonly string[];
  /** Streams to read after each; default `img`. `velocity` means something after `head` only. */
  readonly tensors?: readonly HookTensor[];
  /** Other states of the pass, e.g. `attention.3`; read where the pass has them. */
  readonly states?: readonly string[];
  /** Steps to look at; absent: all. */
  readonly steps?: readonly number[];
}

/**
 * A hook that keeps tensors of a run, named `step.<s>.<branch>.<segment>.<tensor>`, for a safetensors file. Everything is
 * held in memory until it is written.
 */
export class TensorCapture implements BlockHook {
  readonly #spec: CaptureSpec;
  readonly #tensors: TensorToWrite[] = [];

  constructor(spec: CaptureSpec = {}) {
    this.#spec = spec;
  }

  /** What was captured so far. */
  get tensors(): readonly TensorToWrite[] {
    return this.#tensors;
  }

  readonly matches = (name: string): boolean => this.#spec.segments?.includes(name) ?? true;

  async after(output: SegmentOutput): Promise<void> {
    const { step, branch, name } = output;
    if (this.#spec.steps && !this.#spec.steps.includes(step)) return;
    const prefix = `step.${step}.${branch}.${name}`;
    const keep = (tensor: string, shape: readonly number[], data: Float32Array): void => {
      this.#tensors.push({ name: `${prefix}.${tensor}`, dtype: 'F32', shape, data });
    };
    for (const tensor of this.#spec.tensors ?? ['img']) keep(tensor, output.shape(tensor), await output.read(tensor));
    for (const state of this.#spec.states ?? []) {
      const found = await output.readState(state);
      if (found) keep(state, found.shape, found.data);
    }
  }

  /** The capture as a safetensors file. */
  encode(metadata?: ReadonlyMap<string, string>): Uint8Array {
    return encodeSafetensors(this.#tensors, metadata);
  }
}
