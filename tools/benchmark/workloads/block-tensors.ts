import { randomTensor, type WorkloadTensor } from './workload.ts';

/** Size of an MMDiT block. */
export interface BlockSize {
  readonly heads: number;
  /** Of a head. */
  readonly d: number;
  /** Tokens of each stream. */
  readonly txt: number;
  readonly img: number;
}

/** Linear layers of a block by their names in the checkpoint, with inputs and outputs as multiples of the width. */
export const BLOCK_LINEARS: readonly (readonly [name: string, inputs: number, outputs: number])[] = [
  ...['to_q', 'to_k', 'to_v', 'to_out.0', 'add_q_proj', 'add_k_proj', 'add_v_proj', 'to_add_out'].map(
    (name) => [`attn.${name}`, 1, 1] as const,
  ),
  ...['img_mlp', 'txt_mlp'].flatMap((name) => [
    [`${name}.net.0.proj`, 1, 4] as const,
    [`${name}.net.2`, 4, 1] as const,
  ]),
];

export const BLOCK_NORMS = ['norm_q', 'norm_k', 'norm_added_q', 'norm_added_k'] as const;

/** Vectors of a stream's modulation, in the order of its rows. */
export const MODULATION_ROWS = ['shift1', 'scale1', 'gate1', 'shift2', 'scale2', 'gate2'] as const;

/**
 * A block's tensors, random and scaled so that both streams stay of order 1:
 *
 *     img [img, D], txt [txt, D]                   residual streams
 *     img_mod, txt_mod [6, D]                      rows: see MODULATION_ROWS
 *     cos, sin [txt + img, d / 2]                  rotation of the joint sequence, text first, adjacent pairs
 *     <linear>.weight [out, in], <linear>.bias     and attn.<norm>.weight [d]
 */
export function blockTensors({ heads, d, txt, img }: BlockSize): Record<string, WorkloadTensor> {
  const width = heads * d;
  const angles = randomTensor('angles', [txt + img, d / 2], 3).data as Float32Array;
  const tensors: Record<string, WorkloadTensor> = {
    img: randomTensor('img', [img, width], 2),
    txt: randomTensor('txt', [txt, width], 2),
    img_mod: randomTensor('img_mod', [6, width], 0.5),
    txt_mod: randomTensor('txt_mod', [6, width], 0.5),
    cos: { dtype: 'f32', shape: [txt + img, d / 2], data: angles.map(Math.cos) },
    sin: { dtype: 'f32', shape: [txt + img, d / 2], data: angles.map(Math.sin) },
  };
  for (const [name, inputs, outputs] of BLOCK_LINEARS) {
    tensors[`${name}.weight`] = randomTensor(
      `${name}.weight`,
      [outputs * width, inputs * width],
      Math.sqrt(3 / (inputs * width)),
    );
    tensors[`${name}.bias`] = randomTensor(`${name}.bias`, [outputs * width], 0.1);
  }
  for (const name of BLOCK_NORMS) tensors[`attn.${name}.weight`] = randomTensor(name, [d], 0.3, 1);
  return tensors;
}
