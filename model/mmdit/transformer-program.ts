import { addRows, NO_ROW } from '../../runtime/ops/add-rows.ts';
import { copyRows } from '../../runtime/ops/copy-rows.ts';
import { layerNormModulate } from '../../runtime/ops/layer-norm-modulate.ts';
import { rmsNorm } from '../../runtime/ops/rms-norm.ts';
import type { Rotation } from '../../runtime/ops/qk-norm-rope.ts';
import { vectorWeight } from '../../runtime/ops/vector-weight.ts';
import type { Value } from '../../runtime/program/plan.ts';
import type { TransformerConfig } from '../config/transformer-config.ts';
import { rotationTable, textPositions } from '../tokens/rotation-table.ts';
import type { TokenPlan, TokenRange } from '../tokens/token-plan.ts';
import { joinRanges, NORM_EPS, recordBlock, type BlockOperands } from './block.ts';
import { ModulationLayout } from './modulation-layout.ts';
import { linear, type Recording } from '../recording.ts';
import { hiddenSizeOf } from './tensors.ts';

/** The part of a token plan that the network sees. */
export type TransformerTokens = Pick<
  TokenPlan,
  'numTokens' | 'positions' | 'modulationRows' | 'modulationRowCount' | 'condFlags' | 'predicted' | 'textStart'
>;

/** A vector added to every token whose `condFlags` is set. */
export interface CondEmbedding {
  /** Tensor of the checkpoint, any shape, `length` elements. */
  readonly tensor: string;
  readonly length: number;
  /** After `img_in` (D values) or before it (one per input channel). */
  readonly addAt: 'afterImgIn' | 'beforeImgIn';
}

/** What one pass of the network is recorded for. */
export interface TransformerPassSpec {
  readonly config: TransformerConfig;
  readonly tokens: TransformerTokens;
  /** S_t: rows of text features. May be 0 < S_t only. */
  readonly textLength: number;
  /** Rotary positions of the text rows where they are not textStart + 0, 1, ...: rows hidden by a mask are left out. */
  readonly textRows?: readonly number[];
  readonly ropeTheta: number;
  readonly condEmbedding?: CondEmbedding;
  /** Bring every token of both streams up to date in the last block and the head too: only tests look at them. */
  readonly keepAll?: boolean;
  /** Attention maps to write out: for looking into the model. Memory grows with the square of the tokens. */
  readonly attentionMaps?: AttentionMaps;
}

/** Which attention maps a pass keeps, in the states `attention.<block>`. */
export interface AttentionMaps {
  readonly blocks: readonly number[];
  readonly heads: readonly number[];
}

/** Names of a pass's states. */
export const PASS_STATES = {
  /** f32 [S_i, C]: noise, clean and condition tokens in plan order. */
  tokens: 'tokens',
  /** f32 [S_t, J]: text features. */
  text: 'text',
  /** f32 [1 or 2, total]: this step's modulation vectors, and those of t = 0. */
  modulation: 'modulation',
  /** f32 [S_i, P]: the network's output; only predicted rows are written. */
  velocity: 'velocity',
  /** Residual streams after the blocks that ran: f32 [S_i, D] and [S_t, D]. */
  img: 'img',
  txt: 'txt',
} as const;

/** Name of the segment that runs block `n`. */
export function blockSegment(block: number): string {
  return `block.${block}`;
}

/** Segments before and after the blocks. */
export const EMBED_SEGMENT = 'embed';
export const HEAD_SEGMENT = 'head';

/**
 * Records a pass of QwenImageTransformer2DModel over explicit tokens: segments `embed`, `block.0` ... and `head`.
 * Every task of the family is a plan of tokens; nothing here knows of tasks.
 */
export function recordTransformer(recording: Recording, spec: TransformerPassSpec): void {
  const { builder } = recording;
  const { config, tokens } = spec;
  const width = hiddenSizeOf(config);
  const layout = new ModulationLayout(config);
  const imgLen = tokens.numTokens;
  const txtLen = spec.textLength;
  const input = builder.state(PASS_STATES.tokens, 'f32', [imgLen, config.inChannels]);
  const text = builder.state(PASS_STATES.text, 'f32', [txtLen, config.jointAttentionDim]);
  const modulation = builder.state(PASS_STATES.modulation, 'f32', [tokens.modulationRowCount, layout.total]);
  const img = builder.state(PASS_STATES.img, 'f32', [imgLen, width]);
  const txt = builder.state(PASS_STATES.txt, 'f32', [txtLen, width]);
  const operands: BlockOperands = {
    config,
    layout,
    img,
    txt,
    modulation,
    imgRows: rowIndex(recording, tokens),
    rotation: recordRotation(recording, spec),
  };

  builder.segment(EMBED_SEGMENT, () => {
    const cond = condition(recording, spec);
    if (cond && spec.condEmbedding?.addAt === 'beforeImgIn') {
      const marked = copyRows(builder, { x: input }); // the tokens themselves go in untouched at every step
      addRows(builder, { x: marked, ...cond });
      linear(recording, 'img_in', marked, { out: img });
    } else {
      linear(recording, 'img_in', input, { out: img });
      if (cond) addRows(builder, { x: img, ...cond });
    }
    const weight = vectorWeight(builder, 'txt_norm.weight', [config.jointAttentionDim]);
    linear(recording, 'txt_in', rmsNorm(builder, { x: text, weight, eps: NORM_EPS }), { out: txt });
  });

  const all: readonly TokenRange[] = [[0, imgLen]];
  const predicted = spec.keepAll ? all : joinRanges(tokens.predicted, imgLen);
  for (let block = 0; block < config.numLayers; block++) {
    const last = block === config.numLayers - 1;
    builder.segment(blockSegment(block), () =>
      recordBlock(recording, block, operands, {
        imgRanges: last ? predicted : all,
        updateTxt: !last || spec.keepAll === true,
        ...(spec.attentionMaps?.blocks.includes(block) ? { attentionHeads: spec.attentionMaps.heads } : {}),
      }),
    );
  }

  const velocity = builder.state(PASS_STATES.velocity, 'f32', [imgLen, config.patchSize ** 2 * config.outChannels]);
  builder.segment(HEAD_SEGMENT, () => {
    for (const [start, end] of predicted) {
      const normed = layerNormModulate(builder, {
        x: builder.rows(img, start, end - start),
        eps: NORM_EPS,
        modulation: { table: builder.rows(modulation, 0, 1), shift: layout.headShift, scale: layout.headScale },
      });
      linear(recording, 'proj_out', normed, { out: builder.rows(velocity, start, end - start) });
    }
  });
}

/** The modulation row of every image token, or nothing where all take row 0. */
function rowIndex({ builder }: Recording, tokens: TransformerTokens): Value | undefined {
  if (!tokens.modulationRows.some((row) => row !== 0)) return undefined;
  return builder.constant(Uint32Array.from(tokens.modulationRows), 'u32', [tokens.numTokens], 'modulation rows');
}

function condition({ builder }: Recording, spec: TransformerPassSpec): { table: Value; index: Value } | undefined {
  const { condEmbedding, tokens } = spec;
  if (!condEmbedding || !tokens.condFlags.some((flag) => flag !== 0)) return undefined;
  return {
    table: vectorWeight(builder, condEmbedding.tensor, [1, condEmbedding.length]),
    // 0 = none, 1 = the first row of the table, ...
    index: builder.constant(
      Uint32Array.from(tokens.condFlags, (flag) => (flag === 0 ? NO_ROW : flag - 1)),
      'u32',
      [tokens.numTokens],
      'cond rows',
    ),
  };
}

/** Rotation of the joint sequence: text rows first. */
function recordRotation({ builder }: Recording, spec: TransformerPassSpec): Rotation {
  const { config, tokens, textLength } = spec;
  const textAt = spec.textRows
    ? Int32Array.from(
        spec.textRows.flatMap((row) => [tokens.textStart + row, tokens.textStart + row, tokens.textStart + row]),
      )
    : textPositions(tokens.textStart, textLength);
  const positions = new Int32Array(3 * (textLength + tokens.numTokens));
  positions.set(textAt);
  positions.set(tokens.positions, 3 * textLength);
  const { cos, sin, numAngles } = rotationTable(positions, config.axesDimsRope, spec.ropeTheta);
  const shape = [textLength + tokens.numTokens, numAngles];
  return {
    cos: builder.constant(cos, 'f32', shape, 'cos'),
    sin: builder.constant(sin, 'f32', shape, 'sin'),
    pairs: 'interleaved',
  };
}
