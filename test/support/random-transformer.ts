import type { TransformerConfig } from '../../model/config/transformer-config.ts';
import { transformerTensors } from '../../model/mmdit/tensors.ts';
import { QwenImageTransformer2DModel } from '../../model/mmdit/transformer.ts';
import type { Engine } from '../../runtime/engine.ts';
import { missingTensor } from '../../runtime/weights/missing-tensor.ts';
import type { WeightSource } from '../../runtime/weights/weight-source.ts';
import { seededRandom, seedOf } from './random.ts';

/** Six blocks of two heads of 16. */
export const SMALL_TRANSFORMER: TransformerConfig = {
  patchSize: 2,
  inChannels: 16,
  outChannels: 4,
  numLayers: 6,
  attentionHeadDim: 16,
  numAttentionHeads: 2,
  jointAttentionDim: 24,
  guidanceEmbeds: false,
  axesDimsRope: [4, 6, 6],
  zeroCondT: false,
  useAdditionalTCond: false,
  useLayer3dRope: false,
};

/** A transformer of the family with seeded random weights, scaled so that the residual streams stay of order 1. */
export function randomTransformer(
  engine: Engine,
  size: Partial<TransformerConfig> = {},
  seed = 'random',
): QwenImageTransformer2DModel {
  const config = { ...SMALL_TRANSFORMER, ...size };
  return QwenImageTransformer2DModel.open(engine, randomWeights(transformerTensors(config), seed), config);
}

function randomWeights(tensors: ReadonlyMap<string, readonly number[]>, seed: string): WeightSource {
  const values = (name: string): Float32Array => {
    const shape = tensors.get(name);
    if (!shape) throw missingTensor('random', name);
    const random = seededRandom(seedOf(`${seed}/${name}`));
    const count = shape.reduce((product, size) => product * size, 1);
    const scale = shape.length === 2 ? Math.sqrt(3 / shape[1]) : 0.1;
    const isNorm = name.includes('norm') && shape.length === 1;
    return Float32Array.from({ length: count }, () => (isNorm ? 1 : 0) + random.uniform(-scale, scale));
  };
  return {
    name: 'random',
    metadata: new Map(),
    names: () => tensors.keys(),
    info: (name) => {
      const shape = tensors.get(name);
      return shape && { dtype: 'F32', shape, byteLength: 4 * shape.reduce((product, size) => product * size, 1) };
    },
    readRaw: async (name) => new Uint8Array(values(name).buffer),
    readRange: async (name, begin, end) => new Uint8Array(values(name).buffer, begin, end - begin),
    readF32: async (name) => values(name),
    close: async () => {},
  };
}
