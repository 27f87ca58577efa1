import type { TransformerConfig } from '../../../model/config/transformer-config.ts';
import { recordBlock } from '../../../model/mmdit/block.ts';
import { ModulationLayout } from '../../../model/mmdit/modulation-layout.ts';
import { transformerTensors } from '../../../model/mmdit/tensors.ts';
import { syntheticTable } from '../../../model/tensor-table.ts';
import { copyRows } from '../../../runtime/ops/copy-rows.ts';
import { blockReference } from './block-reference.ts';
import { BLOCK_LINEARS, BLOCK_NORMS, blockTensors, MODULATION_ROWS, type BlockSize } from './block-tensors.ts';
import { wholeReference, type Workload } from './workload.ts';

const PREFIX = 'transformer_blocks.0';

/** A transformer of one block of that size. */
export function blockConfig({ heads, d }: BlockSize): TransformerConfig {
  return {
    patchSize: 2,
    inChannels: 64,
    outChannels: 16,
    numLayers: 1,
    attentionHeadDim: d,
    numAttentionHeads: heads,
    jointAttentionDim: 64,
    guidanceEmbeds: false,
    axesDimsRope: [d / 4, d / 4, d / 2],
    zeroCondT: false,
    useAdditionalTCond: false,
    useLayer3dRope: false,
  };
}

/**
 * One MMDiT block, both streams updated, given its modulation vectors. The engine's block works in place, so each run
 * starts with a copy of the streams, which is part of its time.
 */
export function blockWorkload(id: string, size: BlockSize): Workload {
  const { heads, d, txt, img } = size;
  const width = heads * d;
  const tokens = txt + img;
  const config = blockConfig(size);
  const layout = new ModulationLayout(config);
  return {
    id,
    name: `MMDiT block, D ${width}, ${img} + ${txt} tokens`,
    task: { kind: 'block', ...size },
    // Twelve D x D weights a token, and both products of attention.
    flops: 24 * tokens * width ** 2 + 4 * tokens ** 2 * width,
    bytes: 4 * (24 * width ** 2 + 4 * tokens * width),
    bound: 1e-5,
    inputs: () => blockTensors(size),
    reference: (inputs) => wholeReference(blockReference(size, inputs)),
    record: (builder, { precision }) => {
      const inputs = { img: builder.state('img', 'f32', [img, width]), txt: builder.state('txt', 'f32', [txt, width]) };
      const out = builder.state('out', 'f32', [tokens, width]);
      const streams = { txt: builder.rows(out, 0, txt), img: builder.rows(out, txt, img) };
      const modulation = builder.state('modulation', 'f32', [1, layout.total]);
      const [cos, sin] = ['cos', 'sin'].map((name) => builder.state(name, 'f32', [tokens, d / 2]));
      const table = syntheticTable('random block', transformerTensors(config), 'F32');
      builder.segment('run', () => {
        copyRows(builder, { x: inputs.img, out: streams.img });
        copyRows(builder, { x: inputs.txt, out: streams.txt });
        recordBlock(
          { builder, table, precision },
          0,
          { config, layout, ...streams, modulation, imgRows: undefined, rotation: { cos, sin, pairs: 'interleaved' } },
          { imgRanges: [[0, img]], updateTxt: true },
        );
      });
      return out;
    },
    weights: (inputs) => {
      const names = [
        ...BLOCK_LINEARS.flatMap(([name]) => [`${name}.weight`, `${name}.bias`]),
        ...BLOCK_NORMS.map((name) => `attn.${name}.weight`),
      ];
      return Object.fromEntries(names.map((name) => [`${PREFIX}.${name}`, inputs[name]]));
    },
    states: (inputs) => {
      const row = new Float32Array(layout.total);
      for (const stream of ['img', 'txt'] as const)
        MODULATION_ROWS.forEach((name, i) =>
          row.set(inputs[`${stream}_mod`].data.subarray(i * width, (i + 1) * width), layout.column(0, stream, name)),
        );
      return {
        img: inputs.img.data,
        txt: inputs.txt.data,
        cos: inputs.cos.data,
        sin: inputs.sin.data,
        modulation: row,
      };
    },
  };
}
