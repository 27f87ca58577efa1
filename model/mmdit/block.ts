import { attentionWeights } from '../../runtime/ops/attention-weights.ts';
import { attention } from '../../runtime/ops/attention.ts';
import { layerNormModulate, type ModulationColumns } from '../../runtime/ops/layer-norm-modulate.ts';
import type { Rotation } from '../../runtime/ops/qk-norm-rope.ts';
import type { Value } from '../../runtime/program/plan.ts';
import type { TransformerConfig } from '../config/transformer-config.ts';
import type { TokenRange } from '../tokens/token-plan.ts';
import type { BlockVector, ModulationLayout, Stream } from './modulation-layout.ts';
import { linear, type Recording } from '../recording.ts';
import { linearPair, pairs, recordHeads } from './streams.ts';
import { hiddenSizeOf } from './tensors.ts';

/** Epsilon of every LayerNorm and RMSNorm of the family. */
export const NORM_EPS = 1e-6;

/**
 * Factors, where products round to f16, on the inputs of the two projections whose activations leave f16's range in published weights: attention's
 * output and the MLP's hidden layer (stable-diffusion.cpp, qwen_image.hpp:157 and block.hpp:283 at 97d2990).
 */
const ATTENDED_SCALE = 2 ** -5;
const HIDDEN_SCALE = 2 ** -7;
/** Of the values of attention, for the same reason. */
const VALUE_SCALE = 2 ** -4;

/** What all blocks of a pass share. S_t text tokens come before S_i image tokens in the joint sequence. */
export interface BlockOperands {
  readonly config: TransformerConfig;
  readonly layout: ModulationLayout;
  /** Residual streams, updated in place: f32 [S_i, D] and [S_t, D]. */
  readonly img: Value;
  readonly txt: Value;
  /** f32 [1 or 2, layout.total]. */
  readonly modulation: Value;
  /** u32 [S_i]: row of the modulation table per image token; absent: row 0 for all. */
  readonly imgRows: Value | undefined;
  /** Rotation of the joint sequence: f32 [S_t + S_i, headDim / 2]. */
  readonly rotation: Rotation;
}

/** Which rows a block must bring up to date. */
export interface BlockScope {
  /** Ranges of image tokens whose stream is updated; all but the last block need every token. */
  readonly imgRanges: readonly TokenRange[];
  /** Whether the text stream is updated: nobody reads it after the last block. */
  readonly updateTxt: boolean;
  /** Heads whose attention is written out, to state `attentionState(block)`; absent: none. */
  readonly attentionHeads?: readonly number[];
}

/** Name of the state that holds a block's attention map: f32 [heads, S_t + S_i, S_t + S_i], text rows first. */
export function attentionState(block: number): string {
  return `attention.${block}`;
}

/**
 * Records one MMDiT block (spec qwen-image 1.5-1.6): modulated norms, joint attention with per-head RMSNorm and rotary
 * positions, gated residuals, gelu MLPs; image tokens are modulated by the row that their plan names.
 */
export function recordBlock(recording: Recording, block: number, operands: BlockOperands, scope: BlockScope): void {
  const { builder } = recording;
  const { config, img, txt, rotation } = operands;
  const width = hiddenSizeOf(config);
  const heads = config.numAttentionHeads;
  const headDim = config.attentionHeadDim;
  const txtLen = txt.shape[0];
  const imgLen = img.shape[0];
  const prefix = `transformer_blocks.${block}`;
  const attn = `${prefix}.attn`;

  // q, k and v of the joint sequence [text | image], side by side in the columns.
  const qkv = builder.temp('f32', [txtLen + imgLen, 3 * width], 'qkv');
  recordHeads(recording, {
    layers: [
      [`${attn}.add_q_proj`, `${attn}.add_k_proj`, `${attn}.add_v_proj`],
      [`${attn}.to_q`, `${attn}.to_k`, `${attn}.to_v`],
    ],
    norms: [
      [`${attn}.norm_added_q`, `${attn}.norm_added_k`],
      [`${attn}.norm_q`, `${attn}.norm_k`],
    ],
    input: (stream, out) => norm(stream, 'shift1', 'scale1', out),
    inputs: width,
    txtLen,
    out: qkv,
    rotation,
    headDim,
    eps: NORM_EPS,
  });
  const [q, k, v] = [0, 1, 2].map((i) => builder.columns(qkv, i * width, width));
  const { attentionHeads } = scope;
  if (attentionHeads)
    attentionWeights(builder, {
      q,
      k,
      heads,
      chosen: attentionHeads,
      out: builder.state(attentionState(block), 'f32', [attentionHeads.length, txtLen + imgLen, txtLen + imgLen]),
    });
  const attended = builder.temp('f32', [txtLen + imgLen, width], 'attended');
  for (const [start, end] of queryRanges(txtLen, imgLen, scope))
    attention(builder, {
      q: builder.rows(q, start, end - start),
      k,
      v,
      heads,
      // RMS norm gives keys the length sqrt(headDim) times the norm's weights, which are of order 1.
      keyNorm: Math.sqrt(headDim),
      vScale: VALUE_SCALE,
      out: builder.rows(attended, start, end - start),
    });

  const ends = [
    [[`${attn}.to_add_out`], [`${attn}.to_out.0`]],
    [[`${prefix}.txt_mlp.net.0.proj`], [`${prefix}.img_mlp.net.0.proj`]],
    [[`${prefix}.txt_mlp.net.2`], [`${prefix}.img_mlp.net.2`]],
  ] as const;
  const isWhole = scope.updateTxt && scope.imgRanges.length === 1 && covers(scope.imgRanges[0], imgLen);
  const rows = txtLen + imgLen;
  if (isWhole && ends.every((layers, i) => pairs(recording, layers, { rows, txtLen, gated: i !== 1 }))) {
    updateBoth();
    return;
  }
  for (const [start, end] of scope.imgRanges) update('img', start, end, `${attn}.to_out.0`, 'img_mlp', txtLen);
  if (scope.updateTxt) update('txt', 0, txtLen, `${attn}.to_add_out`, 'txt_mlp', 0);

  /** Both streams, each linear layer of text and image in one dispatch. */
  function updateBoth(): void {
    const [outLayers, upLayers, downLayers] = ends;
    const gated = (vector: BlockVector) => ({
      out: txt,
      gate: {
        table: operands.modulation,
        column: operands.layout.column(block, 'txt', vector),
        ...(operands.imgRows ? { index: operands.imgRows } : {}),
      },
      second: { at: txtLen, out: img, gateColumn: operands.layout.column(block, 'img', vector) },
    });
    linearPair(recording, outLayers, attended, { ...gated('gate1'), xScale: ATTENDED_SCALE });
    const normed = builder.temp('f32', [rows, width], 'normed');
    norm('txt', 'shift2', 'scale2', builder.rows(normed, 0, txtLen));
    norm('img', 'shift2', 'scale2', builder.rows(normed, txtLen, imgLen));
    const hidden = linearPair(recording, upLayers, normed, { activation: 'gelu_tanh', second: { at: txtLen } });
    linearPair(recording, downLayers, hidden, { ...gated('gate2'), xScale: HIDDEN_SCALE });
  }

  /** Rows [start, end) of a stream: attention's output and the MLP, both gated into the residual. */
  function update(
    stream: Stream,
    start: number,
    end: number,
    outProjection: string,
    mlp: string,
    jointStart: number,
  ): void {
    const residual = builder.rows(stream === 'img' ? img : txt, start, end - start);
    const rows = (value: Value | undefined) => value && builder.rows(value, start, end - start);
    const index = stream === 'img' ? rows(operands.imgRows) : undefined;
    linear(recording, outProjection, builder.rows(attended, jointStart + start, end - start), {
      out: residual,
      gate: { table: operands.modulation, column: operands.layout.column(block, stream, 'gate1'), index },
      xScale: ATTENDED_SCALE,
    });
    const normed = layerNormModulate(builder, {
      x: residual,
      eps: NORM_EPS,
      modulation: modulationOf(stream, 'shift2', 'scale2', index),
    });
    const hidden = linear(recording, `${prefix}.${mlp}.net.0.proj`, normed, { activation: 'gelu_tanh' });
    linear(recording, `${prefix}.${mlp}.net.2`, hidden, {
      out: residual,
      gate: { table: operands.modulation, column: operands.layout.column(block, stream, 'gate2'), index },
      xScale: HIDDEN_SCALE,
    });
  }

  function norm(stream: Stream, shift: BlockVector, scale: BlockVector, out?: Value): Value {
    const index = stream === 'img' ? operands.imgRows : undefined;
    return layerNormModulate(builder, {
      x: stream === 'img' ? img : txt,
      eps: NORM_EPS,
      modulation: modulationOf(stream, shift, scale, index),
      ...(out ? { out } : {}),
    });
  }

  function modulationOf(
    stream: Stream,
    shift: BlockVector,
    scale: BlockVector,
    index: Value | undefined,
  ): ModulationColumns {
    return {
      table: operands.modulation,
      shift: operands.layout.column(block, stream, shift),
      scale: operands.layout.column(block, stream, scale),
      ...(index ? { index } : {}),
    };
  }
}

/** Whether a range is all `length` tokens. */
function covers([start, end]: TokenRange, length: number): boolean {
  return start === 0 && end === length;
}

/** Rows of the joint sequence whose attention somebody reads: neighbouring ranges are joined into one dispatch. */
function queryRanges(txtLen: number, imgLen: number, scope: BlockScope): TokenRange[] {
  const ranges: TokenRange[] = scope.imgRanges.map(([start, end]) => [txtLen + start, txtLen + end]);
  if (scope.updateTxt) ranges.unshift([0, txtLen]);
  return joinRanges(ranges, txtLen + imgLen);
}

/** Joins ranges that touch, in order. @throws RangeError if they overlap or leave [0, length) */
export function joinRanges(ranges: readonly TokenRange[], length: number): TokenRange[] {
  const joined: [number, number][] = [];
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (start < (last?.[1] ?? 0) || end > length || end <= start)
      throw new RangeError(`ranges: [${start}, ${end}) overlaps, is empty or leaves [0, ${length}).`);
    if (last && last[1] === start) last[1] = end;
    else joined.push([start, end]);
  }
  return joined;
}
