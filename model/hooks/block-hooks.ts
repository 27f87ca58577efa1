import { ShapeError } from '../../runtime/errors.ts';
import type { BranchPass, PassReport, PassRunner } from '../denoise/denoiser.ts';
import { EMBED_SEGMENT, HEAD_SEGMENT, PASS_STATES } from '../mmdit/transformer-program.ts';
import type { TransformerPass } from '../mmdit/transformer.ts';

/** Tensors of a pass that a hook can look at after a segment; each f32 [rows, columns]. */
export type HookTensor = 'img' | 'txt' | 'velocity' | 'tokens';

/** Where in the loop a segment has just run. */
export interface SegmentPlace {
  readonly branch: BranchPass['branch'];
  readonly step: number;
}

/** What a segment of a pass left: read it, or put something else in its place for what follows. */
export interface SegmentOutput extends SegmentPlace {
  /** `embed`, `block.0`, `block.1`, ..., `head`. */
  readonly name: string;
  /** [rows, columns]. */
  readonly shape: (tensor: HookTensor) => readonly [number, number];
  /** A copy of the values. */
  readonly read: (tensor: HookTensor) => Promise<Float32Array>;
  /** @throws ShapeError if `data` has another number of values */
  readonly replace: (tensor: HookTensor, data: Float32Array) => void;
  /** Another state of the pass by name, e.g. an attention map; undefined where the pass has none of that name. */
  readonly readState: (
    name: string,
  ) => Promise<{ readonly shape: readonly number[]; readonly data: Float32Array } | undefined>;
}

/**
 * A look into the network. Hooks cost a submit for every segment they look at, and what they read back; a run without
 * hooks costs nothing more.
 */
export interface BlockHook {
  /** Segments to stop at; absent: every one. */
  readonly matches?: (name: string) => boolean;
  /** Called when a segment's work is submitted. */
  after(output: SegmentOutput): void | Promise<void>;
}

/** Runs segments of a pass, stopping where a hook looks. */
export async function runSegments(
  pass: TransformerPass,
  segments: readonly string[],
  place: SegmentPlace,
  hooks: readonly BlockHook[],
): Promise<void> {
  let waiting: string[] = [];
  for (const name of segments) {
    waiting.push(name);
    const looking = hooks.filter((hook) => hook.matches?.(name) ?? true);
    if (looking.length === 0) continue;
    pass.program.run(waiting);
    waiting = [];
    for (const hook of looking) await hook.after(outputOf(pass, name, place));
  }
  if (waiting.length > 0) pass.program.run(waiting);
}

/** A runner that computes every block and stops for hooks. */
export function hookedRunner(hooks: readonly BlockHook[]): PassRunner {
  return {
    async run(passes: readonly BranchPass[], step: number): Promise<PassReport[]> {
      const reports: PassReport[] = [];
      for (const { branch, pass } of passes) {
        const segments = [EMBED_SEGMENT, ...pass.blocks(0, pass.numBlocks), HEAD_SEGMENT];
        await runSegments(pass, segments, { branch, step }, hooks);
        const flops = pass.program.flops();
        reports.push({
          branch,
          computed: true,
          blocksRun: pass.numBlocks,
          difference: Number.NaN,
          flops,
          flopsSaved: 0,
        });
      }
      return reports;
    },
  };
}

function outputOf(pass: TransformerPass, name: string, place: SegmentPlace): SegmentOutput {
  const { program } = pass;
  const shape = (tensor: HookTensor): readonly [number, number] => {
    const [rows = 0, columns = 0] = program.plan.states.get(PASS_STATES[tensor])?.shape ?? [];
    return [rows, columns];
  };
  return {
    ...place,
    name,
    shape,
    read: async (tensor) => (await program.read(PASS_STATES[tensor])) as Float32Array,
    replace: (tensor, data) => {
      const [rows, columns] = shape(tensor);
      if (data.length !== rows * columns)
        throw new ShapeError(
          `hook: ${tensor} after "${name}" is [${rows}, ${columns}] = ${rows * columns} values, got ${data.length}.`,
        );
      program.write(PASS_STATES[tensor], data);
    },
    readState: async (state) => {
      const value = program.plan.states.get(state);
      return value && { shape: value.shape, data: (await program.read(state)) as Float32Array };
    },
  };
}
