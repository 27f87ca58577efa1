import { describe, expect, it } from 'vitest';
import { AutoencoderKLQwenImage } from '../../../model/vae/autoencoder-kl.ts';
import { testEngine } from '../../support/engine.ts';
import { nmse, randomPlanes, randomVae, vaeConfig } from './vae-fixture.ts';
import { VaeOracle } from './vae-oracle.ts';

const engine = await testEngine();

describe.skipIf(typeof engine === 'string')('AutoencoderKLQwenImage, wide', () => {
  if (typeof engine === 'string') return;

  it('takes attention wider than the fused kernel (520 channels)', async () => {
    const config = vaeConfig({ base_dim: 520, dim_mult: [1], temperal_downsample: [], z_dim: 2 });
    const { source, weights } = await randomVae(config, 11);
    const vae = AutoencoderKLQwenImage.open(engine, source, config);
    const pixels = randomPlanes(1, config.inputChannels, 2, 3);
    const { planes } = await vae.encode(pixels);
    expect(nmse(planes.data, new VaeOracle(config, weights).encode(pixels).data)).toBeLessThan(1e-11);
    await vae.dispose();
  });
});
