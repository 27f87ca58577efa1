import type { DesignTaskType } from '../../model/layout/design-schema.ts';
import {
  chromaKeyBaseline,
  flatFillBaseline,
  otherDesignBaseline,
  pasteBaseline,
  refinedKeyBaseline,
} from './baselines.ts';
import type { EvalSampling } from './eval-sampling.ts';
import type { TestDesign } from './read-test-set.ts';
import type { EvalOutput } from './score-design.ts';

/** Something that makes layers of designs, to be scored. */
export interface Candidate {
  /** Column head. */
  readonly name: string;
  /** `control` is the model with wrong words or unrefined; `bound` is what the VAE lets through; `baseline` needs no model. */
  readonly kind: 'model' | 'control' | 'bound' | 'baseline';
  /** One sentence. */
  readonly about: string;
  /** Denoising steps, of a model. */
  readonly steps?: number;
  /** How a model is sampled on a design. */
  sampling?(task: DesignTaskType, design: TestDesign): EvalSampling | undefined;
  /**
   * Makes layers of one design.
   *
   * @param partner a design with the same task, whose words or layers stand in for its own in controls
   * @returns undefined where the candidate does not apply
   */
  make(
    task: DesignTaskType,
    design: TestDesign,
    partner: TestDesign,
    signal?: AbortSignal,
  ): Promise<EvalOutput | undefined>;
}

/** The candidates that need no model. */
export function baselineCandidates(): Candidate[] {
  return [
    {
      name: 'paste',
      kind: 'baseline',
      about: 'the crop of the input under each box; in restyle the condition, unchanged',
      make: async (task, design) => pasteBaseline(task, design),
    },
    {
      name: 'chroma key',
      kind: 'baseline',
      about: "what differs by 0.2 from the median along the box's rim; background as flat fill",
      make: async (task, design) => chromaKeyBaseline(task, design),
    },
    {
      name: 'refined key',
      kind: 'baseline',
      about: "chroma key, refined against the input as a model's layers are",
      make: async (task, design) => refinedKeyBaseline(task, design),
    },
    {
      name: 'flat fill',
      kind: 'baseline',
      about: 'the whole box in its mean colour; background: mean of the true free pixels',
      make: async (task, design) => flatFillBaseline(task, design),
    },
    {
      name: 'other design',
      kind: 'baseline',
      about: 'chance: true layers of another design of about as many layers',
      make: async (task, design, partner) => otherDesignBaseline(task, design, partner),
    },
  ];
}
