import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS, type DeviceFacts } from '../../../kernels/facts.ts';
import type { TransformerConfig } from '../../../model/config/transformer-config.ts';
import { recordBlock, type BlockScope } from '../../../model/mmdit/block.ts';
import { ModulationLayout } from '../../../model/mmdit/modulation-layout.ts';
import { transformerTensors } from '../../../model/mmdit/tensors.ts';
import { syntheticTable } from '../../../model/tensor-table.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { LAVAPIPE_FACTS, NVIDIA_FACTS } from '../../support/matrix-facts.ts';

const txtLen = 48;
const imgLen = 120;
const width = 256;
const config: TransformerConfig = {
  patchSize: 2,
  inChannels: 64,
  outChannels: 16,
  numLayers: 2,
  attentionHeadDim: 64,
  numAttentionHeads: 4,
  jointAttentionDim: 64,
  guidanceEmbeds: false,
  axesDimsRope: [16, 24, 24],
  zeroCondT: false,
  useAdditionalTCond: false,
  useLayer3dRope: false,
};
const all: BlockScope = { imgRanges: [[0, imgLen]], updateTxt: true };

/** Products and head norms that a block records, in order. */
function recorded(facts: DeviceFacts, scope: BlockScope): string[] {
  const builder = new ProgramBuilder(facts, 'block');
  const layout = new ModulationLayout(config);
  const state = (name: string, rows: number, columns: number) => builder.state(name, 'f32', [rows, columns]);
  const [cos, sin] = ['cos', 'sin'].map((name) => state(name, txtLen + imgLen, 32));
  const table = syntheticTable('random block', transformerTensors(config), 'F16');
  builder.segment('run', () =>
    recordBlock(
      { builder, table, precision: 'stored' },
      0,
      {
        config,
        layout,
        img: state('img', imgLen, width),
        txt: state('txt', txtLen, width),
        modulation: state('modulation', 1, layout.total),
        imgRows: undefined,
        rotation: { cos, sin, pairs: 'interleaved' },
      },
      scope,
    ),
  );
  return builder
    .finish()
    .dispatches.map(({ plan }) => [plan.op, ...plan.variant.split(',').slice(1)].join(' '))
    .filter((name) => /^(matmul|qk_norm_rope)/.test(name))
    .map((name) =>
      name.startsWith('qk_norm_rope') ? 'qk_norm_rope' : name.replace('f16-nk', '').replace(/ +/g, ' ').trim(),
    );
}

describe('linear layers of both streams', () => {
  const pair = 'matmul split';
  it.each([
    ['NVIDIA', NVIDIA_FACTS],
    ['lavapipe where matrices are asked for', { ...LAVAPIPE_FACTS, preferMatrix: true }],
  ])('share their dispatches on a matrix unit: %s', (_, facts) => {
    expect(recorded(facts, all)).toEqual(['matmul heads split', pair, pair, pair]);
  });

  it('share only what both streams do: the last block updates the image alone', () => {
    expect(recorded(NVIDIA_FACTS, { imgRanges: [[0, imgLen]], updateTxt: false })).toEqual([
      'matmul heads split',
      'matmul',
      'matmul',
      'matmul',
    ]);
    const parts: BlockScope = {
      imgRanges: [
        [0, 50],
        [100, imgLen],
      ],
      updateTxt: true,
    };
    expect(recorded(NVIDIA_FACTS, parts)).toEqual(['matmul heads split', ...Array<string>(9).fill('matmul')]);
  });

  it('keep their own dispatches, and norms after them, elsewhere', () => {
    const norms = ['qk_norm_rope', 'qk_norm_rope'];
    const plain = recorded(FLOOR_FACTS, all).filter((name) => !name.includes('batch'));
    expect(plain.slice(0, 6)).toEqual(['matmul', ...norms, 'matmul', ...norms]);
    expect(plain.join()).not.toMatch(/split|heads/);
    expect(recorded(LAVAPIPE_FACTS, all).join()).not.toMatch(/split|heads/);
  });

  it('keep their own where one buffer cannot hold both weights', () => {
    const limits = { ...NVIDIA_FACTS.limits, maxStorageBufferBindingSize: 600_000 };
    const names = recorded({ ...NVIDIA_FACTS, limits }, all);
    expect(names.join()).not.toContain('split');
    expect(names.filter((name) => name === 'matmul heads')).toHaveLength(2);
  });
});
