import { describe, expect, it } from 'vitest';
import { AutoencoderKLQwenImage } from '../../../model/vae/autoencoder-kl.ts';
import { PictureIo } from '../../../model/vae/picture-io.ts';
import { recordVae } from '../../../model/vae/record.ts';
import { diffusersName } from '../../../model/vae/wan-names.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { sourceReader } from '../../../runtime/weights/source-reader.ts';
import { WeightStore } from '../../../runtime/weights/weight-store.ts';
import { testEngine } from '../../support/engine.ts';
import { nmse, randomPlanes, randomVae, vaeConfig } from './vae-fixture.ts';
import { VaeOracle } from './vae-oracle.ts';
import { wanName } from './wan-name.ts';

const engine = await testEngine();

const CONFIGS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'RGB, two levels': {},
  'RGBA, three levels, narrowing': {
    input_channels: 4,
    dim_mult: [2, 1, 3],
    temperal_downsample: [false, true],
    z_dim: 3,
    num_res_blocks: 2,
  },
  'odd channels': { base_dim: 3, dim_mult: [1, 2, 2], temperal_downsample: [true, false], z_dim: 5 },
  'one level': { dim_mult: [3], temperal_downsample: [], base_dim: 5, z_dim: 1 },
};

describe.skipIf(typeof engine === 'string')(
  `AutoencoderKLQwenImage (${typeof engine === 'string' ? engine : 'f32'})`,
  () => {
    if (typeof engine === 'string') return;

    for (const [name, fields] of Object.entries(CONFIGS))
      it(`agrees with the formulas in f64: ${name}`, async () => {
        const config = vaeConfig(fields);
        const { source, weights } = await randomVae(config, 11);
        const vae = AutoencoderKLQwenImage.open(engine, source, config);
        const oracle = new VaeOracle(config, weights);
        const [height, width] = [5, 3];
        const pixels = randomPlanes(1, config.inputChannels, height * vae.scale, width * vae.scale);
        const { planes: latents } = await vae.encode(pixels);
        expect([latents.channels, latents.height, latents.width]).toEqual([config.zDim, height, width]);
        expect(nmse(latents.data, oracle.encode(pixels).data)).toBeLessThan(1e-11);
        const decoded = (await vae.decode(latents)).planes;
        expect([decoded.channels, decoded.height, decoded.width]).toEqual([
          config.inputChannels,
          height * vae.scale,
          width * vae.scale,
        ]);
        // Norms over one to three channels amplify rounding: single pixels may be off by 1e-4.
        expect(nmse(decoded.data, oracle.decode(latents).data)).toBeLessThan(1e-9);
        await vae.dispose();
      });

    it("computes the same in bands of rows, however small the device's bindings are", async () => {
      const config = vaeConfig({ dim_mult: [1, 2, 2], temperal_downsample: [true, true], input_channels: 4 });
      const { source } = await randomVae(config, 5);
      for (const [direction, size, channels] of [
        ['encode', { height: 28, width: 20 }, 4],
        ['decode', { height: 7, width: 5 }, 4],
      ] as const) {
        const input = randomPlanes(3, channels, size.height, size.width);
        const outputs: Float32Array[] = [];
        // The second device binds 6 KiB at most: 28 rows of 20 pixels by 4 channels (320 bytes a row) are two bands, by
        // 16 channels (of the attention's q, k and v, at a quarter of the size) still one.
        for (const limit of [engine.facts.limits.maxStorageBufferBindingSize, 6144]) {
          const facts = { ...engine.facts, limits: { ...engine.facts.limits, maxStorageBufferBindingSize: limit } };
          const { plan, input: place, output } = recordVae(facts, config, source, direction, size);
          expect(output.bands.length > 1 || place.bands.length > 1).toBe(limit === 6144);
          for (const { kind, byteLength } of plan.storages)
            if (kind !== 'weight') expect(byteLength).toBeLessThanOrEqual(limit);
          const store = new WeightStore(engine, sourceReader(source));
          const program = await compileProgram(engine, plan, { weights: store });
          const io = new PictureIo(program);
          io.write(place, input);
          program.run();
          outputs.push((await io.read(output)).data);
          program.dispose();
          await store.dispose();
        }
        expect(nmse(outputs[1], outputs[0])).toBeLessThan(1e-13);
      }
    });

    it('refuses a picture that no band fits, with the numbers and a remedy', async () => {
      const config = vaeConfig();
      const { source } = await randomVae(config, 5);
      const facts = { ...engine.facts, limits: { ...engine.facts.limits, maxStorageBufferBindingSize: 1024 } };
      expect(() => recordVae(facts, config, source, 'encode', { height: 64, width: 64 })).toThrow(
        'vae: 3 rows of 64 pixels by 3 channels take 2304 bytes, the device binds at most 1024. Use a narrower picture or tiled decoding.',
      );
      const wide = { ...engine.facts, limits: { ...engine.facts.limits, maxStorageBufferBindingSize: 8192 } };
      expect(() => recordVae(wide, config, source, 'decode', { height: 16, width: 16 })).toThrow(
        /vae: attention over 16 x 16 latent pixels needs 24576 bytes in one binding, the device binds at most 8192\. .*tiled decoding/,
      );
    });

    it('reads WAN names as the same weights', async () => {
      const config = vaeConfig({ dim_mult: [1, 2, 2], temperal_downsample: [true, false] });
      const { source } = await randomVae(config, 8);
      const { source: renamed } = await randomVae(config, 8, (name) => wanName(name, config));
      expect([...renamed.names()].map((name) => diffusersName(name, config)).sort()).toEqual(
        [...source.names()].sort(),
      );
      const latents = randomPlanes(2, config.zDim, 2, 3);
      const results: Float32Array[] = [];
      for (const one of [source, renamed]) {
        const vae = AutoencoderKLQwenImage.open(engine, one, config);
        results.push((await vae.decode(latents)).planes.data);
        await vae.dispose();
      }
      expect(results[1]).toEqual(results[0]);
    });

    it('tiles as the reference does, and does not clamp then', async () => {
      const config = vaeConfig({ dim_mult: [1, 2, 2, 2], temperal_downsample: [true, false, true] });
      const { source } = await randomVae(config, 9);
      const vae = AutoencoderKLQwenImage.open(engine, source, config);
      const tiling = { minHeight: 24, minWidth: 32, strideHeight: 16, strideWidth: 24 };
      const latents = randomPlanes(4, config.zDim, 5, 4);
      for (let i = 0; i < latents.data.length; i++) latents.data[i] *= 30;
      const { planes: tiled } = await vae.decode(latents, { tiling });
      expect([tiled.height, tiled.width]).toEqual([40, 32]);
      expect(Math.max(...tiled.data)).toBeGreaterThan(1);
      // The first tile's rows above the overlap are that tile decoded alone: pixel 0 of the picture.
      const corner = { ...latents, height: 3, width: 4, data: new Float32Array(config.zDim * 12) };
      for (let c = 0; c < config.zDim; c++) corner.data.set(latents.data.subarray(c * 20, c * 20 + 12), c * 12);
      const { planes: alone } = await vae.decode(corner);
      const clamped = (value: number) => Math.min(1, Math.max(-1, value));
      for (let x = 0; x < 16; x++) expect(clamped(tiled.data[x])).toBeCloseTo(alone.data[x], 5);
      const small = await vae.decode(corner, { tiling });
      expect(small.planes.data).toEqual(alone.data);
      await vae.dispose();
    });

    it('gives all memory back, and refuses use after dispose', async () => {
      const config = vaeConfig();
      const { source } = await randomVae(config, 5);
      engine.pool.trim();
      const before = engine.counters.liveBytes;
      const vae = AutoencoderKLQwenImage.open(engine, source, config);
      const latents = randomPlanes(2, config.zDim, 4, 4);
      const runs = await Promise.all([vae.decode(latents), vae.decode(latents), vae.decode(randomPlanes(2, 4, 3, 6))]);
      expect(runs[0].planes.data).toEqual(runs[1].planes.data);
      await vae.dispose();
      await vae.dispose();
      engine.pool.trim();
      // What may stay are the engine's own staging buffers for reading back.
      expect(engine.counters.liveBytes - before).toBeLessThan(16 * 1024);
      await expect(vae.decode(latents)).rejects.toThrow('vae: used after dispose().');
    });

    it('says what is wrong with its input', async () => {
      const config = vaeConfig();
      const { source } = await randomVae(config, 5);
      const vae = AutoencoderKLQwenImage.open(engine, source, config);
      await expect(vae.encode(randomPlanes(1, 4, 8, 8))).rejects.toThrow(
        'vae encode: pixels must be [3, height, width] of at least 2 x 2, got [4, 8, 8].',
      );
      await expect(vae.decode({ ...randomPlanes(1, 4, 2, 2), height: 3 })).rejects.toThrow(
        'vae decode: latents [4, 3, 2] has 24 values, got 16.',
      );
      const aborted = AbortSignal.abort(new Error('enough'));
      await expect(vae.decode(randomPlanes(1, 4, 2, 2), { signal: aborted })).rejects.toThrow('enough');
      await vae.dispose();
    });
  },
);
