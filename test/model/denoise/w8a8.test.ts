import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { transformerTensors } from '../../../model/mmdit/tensors.ts';
import { planTransformer } from '../../../model/mmdit/transformer.ts';
import { syntheticTable } from '../../../model/tensor-table.ts';
import { planImages } from '../../../model/tokens/plan-images.ts';
import { multipliesInt8, w8a8Policy, type W8A8Options } from '../../../model/weight-precision.ts';
import { LAVAPIPE_FACTS, NVIDIA_FACTS } from '../../support/matrix-facts.ts';
import { SMALL_TRANSFORMER } from '../../support/random-transformer.ts';

const config = SMALL_TRANSFORMER;
const tensors = transformerTensors(config);
const layers = [...tensors.keys()].filter((name) => name.endsWith('.weight')).map((name) => name.slice(0, -7));

/** The plan's roundings of rows, its products of i8, and the formats of its weights. */
function planned(facts: typeof FLOOR_FACTS, options: W8A8Options) {
  const plan = planTransformer(
    facts,
    syntheticTable('table', tensors, 'BF16'),
    { config, tokens: planImages([[1, 4, 4]], { variant: 'base' }), textLength: 5, ropeTheta: 10000 },
    'w8a8',
    options,
  );
  const quantized = plan.dispatches.filter(({ plan: { op } }) => op === 'quantize_rows');
  const products = plan.dispatches.filter(
    ({ plan: { op, bindings } }) => op === 'matmul' && bindings.some(({ name }) => name === 'row_scales'),
  );
  const weights = new Set(
    plan.storages.flatMap((storage) => (storage.kind === 'weight' ? storage.request.key.split(':').at(-1)! : [])),
  );
  return { quantized, products, weights };
}

describe('w8a8', () => {
  it('multiplies in int8 the image qkv and MLP up of the inner blocks, nothing else', () => {
    const policy = w8a8Policy({}, 6);
    expect(layers.filter((layer) => multipliesInt8(layer, policy))).toEqual(
      [2, 3].flatMap((block) => {
        const prefix = `transformer_blocks.${block}`;
        const attention = ['to_q', 'to_k', 'to_v'].map((name) => `${prefix}.attn.${name}`);
        return [`${prefix}.img_mlp.net.0.proj`, ...attention];
      }),
    );
  });

  it.each([
    [{}, 2],
    [{ edgeBlocks: 1 }, 4],
    [{ edgeBlocks: 0 }, 6],
    [{ edgeBlocks: 3 }, 0],
  ])('with %o records two products of i8 in each of %i blocks', (options, blocks) => {
    for (const facts of [FLOOR_FACTS, NVIDIA_FACTS, LAVAPIPE_FACTS]) {
      const { quantized, products, weights } = planned(facts, options);
      expect(products.map(({ segment }) => segment)).toEqual(
        Array.from({ length: 2 * blocks }, (_, i) => `block.${(6 - blocks) / 2 + Math.floor(i / 2)}`),
      );
      expect(quantized.map(({ segment }) => segment)).toEqual(products.map(({ segment }) => segment));
      expect([...weights].some((key) => key.startsWith('matmul-i8'))).toBe(blocks > 0);
      expect([...weights].filter((key) => key.startsWith('matmul-')).every((key) => /-(i8|f16)-/.test(key))).toBe(true);
    }
  });

  it('rotates rows and weights, or neither', () => {
    const rotated = planned(FLOOR_FACTS, {});
    const plain = planned(FLOOR_FACTS, { rotate: false });
    expect(rotated.quantized.every(({ plan }) => plan.variant.endsWith('group 32'))).toBe(true);
    expect(plain.quantized.every(({ plan }) => plan.variant.endsWith('group 1'))).toBe(true);
    expect([...rotated.weights].some((key) => key.endsWith('rotated32'))).toBe(true);
    expect([...plain.weights].some((key) => key.includes('rotated'))).toBe(false);
  });

  it('takes the matrix unit of i8 where there is one, 16 x 16 x 32 of an NVIDIA GPU', () => {
    for (const { plan } of planned(NVIDIA_FACTS, {}).products) expect(plan.variant).toMatch(/^matrix-.*,i8-nk/);
    for (const { plan } of planned(FLOOR_FACTS, {}).products) expect(plan.variant).toMatch(/^dot64,i8-nk/);
  });

  it.each([-1, 1.5])('refuses %d edge blocks', (edgeBlocks) => {
    expect(() => w8a8Policy({ edgeBlocks }, 6)).toThrow(
      `w8a8: edgeBlocks must be a whole number of at least 0, got ${edgeBlocks}.`,
    );
  });
});
