import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseTextEncoderConfig } from '../../../model/config/text-encoder-config.ts';
import { parseTransformerConfig } from '../../../model/config/transformer-config.ts';
import { parseVaeConfig } from '../../../model/config/vae-config.ts';

const models = join(import.meta.dirname, '../../golden/core/models');
const read = (path: string) => readFileSync(join(models, path), 'utf8');

describe('configs of published layouts', () => {
  test('transformer: all fields, and defaults where a stale config lacks them', () => {
    expect(parseTransformerConfig(read('qwen-layered/transformer/config.json'))).toEqual({
      patchSize: 2,
      inChannels: 64,
      outChannels: 16,
      numLayers: 2,
      attentionHeadDim: 20,
      numAttentionHeads: 3,
      jointAttentionDim: 32,
      guidanceEmbeds: false,
      axesDimsRope: [4, 8, 8],
      zeroCondT: false,
      useAdditionalTCond: true,
      useLayer3dRope: true,
    });
    expect(parseTransformerConfig(read('qwen-stale/transformer/config.json'))).toMatchObject({
      numLayers: 1,
      attentionHeadDim: 128,
      axesDimsRope: [16, 56, 56],
      jointAttentionDim: 28,
      zeroCondT: false,
    });
    expect(parseTransformerConfig('{}')).toMatchObject({
      numLayers: 60,
      numAttentionHeads: 24,
      jointAttentionDim: 3584,
    });
  });

  test('vae', () => {
    expect(parseVaeConfig(read('qwen-edit2511/vae/config.json'))).toMatchObject({
      baseDim: 3,
      zDim: 8,
      numResBlocks: 1,
      inputChannels: 3,
      latentsMean: [0.25, -0.5, 0.125, 1.1, -0.9, 0.05, 0.7, -0.33],
    });
    expect(parseVaeConfig('{}')).toMatchObject({
      baseDim: 96,
      dimMult: [1, 2, 4, 4],
      temperalDownsample: [false, true, true],
    });
    expect(() => parseVaeConfig('{"z_dim":8}')).toThrow(
      'vae/config.json: latents_mean must be z_dim (8) finite numbers, got 16 items.',
    );
  });

  test('text encoder: flat and nested', () => {
    const flat = parseTextEncoderConfig(read('qwen-base/text_encoder/config.json'));
    expect(flat).toMatchObject({
      hiddenSize: 48,
      numKeyValueHeads: 2,
      headDim: 8,
      mropeSection: [1, 1, 2],
      ropeTheta: 1e6,
    });
    const nested = parseTextEncoderConfig(read('qwen-edit2511/text_encoder/config.json'));
    expect(nested).toMatchObject({
      hiddenSize: 40,
      rmsNormEps: 1e-5,
      ropeTheta: 1e4,
      mropeSection: [2, 1, 1],
      vocabSize: 430,
    });
    expect(parseTextEncoderConfig('{}')).toMatchObject({ hiddenSize: 3584, headDim: 128, intermediateSize: 18944 });
  });

  test('messages name file, key and value', () => {
    expect(() => parseTransformerConfig('{"num_layers":0}')).toThrow(
      'transformer/config.json: num_layers must be an integer in 1..512, got 0.',
    );
    expect(() => parseTransformerConfig('{"axes_dims_rope":[16,56,54]}', 'x.json')).toThrow(
      'x.json: axes_dims_rope must be three positive even numbers that sum to attention_head_dim (128), got [16, 56, 54].',
    );
    expect(() => parseTextEncoderConfig('{"rope_scaling":{"type":"yarn"}}')).toThrow(
      'text_encoder/config.json: type must be "mrope" or "default", got "yarn".',
    );
    expect(() => parseTransformerConfig('{"num_layers":1,"num_layers":2}')).toThrow(/key "num_layers" appears twice/);
  });
});
