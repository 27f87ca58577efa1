import { describe, expect, it } from 'vitest';
import { hookedRunner, type BlockHook } from '../../../model/hooks/block-hooks.ts';
import { TensorCapture } from '../../../model/hooks/tensor-capture.ts';
import { memorySource } from '../../../runtime/io/byte-source.ts';
import { openSafetensors } from '../../../runtime/safetensors/reader.ts';
import { testLoop } from '../../support/cache-loop.ts';
import { testEngine } from '../../support/engine.ts';
import { randomTransformer } from '../../support/random-transformer.ts';

const engine = await testEngine();

describe.skipIf(typeof engine === 'string')('block hooks', () => {
  if (typeof engine === 'string') return;
  const open = () => testLoop(engine, randomTransformer(engine), { numSteps: 3, guided: true });

  it('see every segment in order, in both passes, and change nothing by looking', async () => {
    const loop = await open();
    const seen: string[] = [];
    const look: BlockHook = {
      after: async ({ step, branch, name, read, shape }) => {
        seen.push(`${step} ${branch} ${name}`);
        const img = await read('img');
        expect(img).toHaveLength(shape('img')[0] * shape('img')[1]);
        expect(img.every(Number.isFinite)).toBe(true);
      },
    };
    const hooked = await loop.record(hookedRunner([look]));
    expect(hooked.latents).toEqual((await loop.record()).latents);
    expect(seen).toHaveLength(3 * 2 * 8);
    expect(seen.slice(0, 9)).toEqual([
      '0 cond embed',
      ...[0, 1, 2, 3, 4, 5].map((block) => `0 cond block.${block}`),
      '0 cond head',
      '0 uncond embed',
    ]);
    loop.denoiser.dispose();
  });

  it('replace an output for what follows: a block undone is a block skipped', async () => {
    const loop = await open();
    let before: Float32Array | undefined;
    const skip: BlockHook = {
      matches: (name) => name === 'block.2' || name === 'block.3',
      after: async (output) => {
        const streams = async () => ({ img: await output.read('img'), txt: await output.read('txt') });
        if (output.name === 'block.2') {
          kept = await streams();
          return;
        }
        output.replace('img', kept!.img);
        output.replace('txt', kept!.txt);
        before = kept!.img;
      },
    };
    let kept: { img: Float32Array; txt: Float32Array } | undefined;
    const hooked = await loop.record(hookedRunner([skip]));
    const skipping = await loop.record({
      run: async (passes) =>
        passes.map(({ pass, branch }) => {
          pass.program.run(['embed', ...pass.blocks(0, 3), ...pass.blocks(4, 6), 'head']);
          return { branch, computed: true, blocksRun: 5, difference: Number.NaN, flops: 0, flopsSaved: 0 };
        }),
    });
    expect(before).toBeDefined();
    expect(hooked.latents).toEqual(skipping.latents);
    expect(hooked.latents).not.toEqual((await loop.record()).latents);
    loop.denoiser.dispose();
  });

  it('refuse a replacement of another size', async () => {
    const loop = await open();
    const wrong: BlockHook = { after: ({ replace }) => replace('img', new Float32Array(3)) };
    await expect(loop.record(hookedRunner([wrong]))).rejects.toThrow(
      'hook: img after "embed" is [16, 32] = 512 values, got 3.',
    );
    loop.denoiser.dispose();
  });

  it('look at a cached loop too, and do not see what a hit leaves out', async () => {
    const loop = await open();
    const seen: string[] = [];
    const look: BlockHook = { after: ({ step, branch, name }) => void seen.push(`${step} ${branch} ${name}`) };
    const runner = await loop.cached(
      {
        method: 'dbcache',
        fnComputeBlocks: 1,
        bnComputeBlocks: 1,
        stepsComputationMask: [1, 0, 1],
        stepsComputationPolicy: 'static',
      },
      { hooks: [look] },
    );
    const hooked = await loop.record(runner);
    expect(seen.filter((line) => line.startsWith('1 cond'))).toEqual([
      '1 cond embed',
      '1 cond block.0',
      '1 cond block.5',
      '1 cond head',
    ]);
    const plain = await loop.record(
      await loop.cached({
        method: 'dbcache',
        fnComputeBlocks: 1,
        bnComputeBlocks: 1,
        stepsComputationMask: [1, 0, 1],
        stepsComputationPolicy: 'static',
      }),
    );
    expect(hooked.latents).toEqual(plain.latents);
    loop.denoiser.dispose();
  });

  it('capture tensors into a safetensors file', async () => {
    const loop = await open();
    const capture = new TensorCapture({ segments: ['block.1', 'head'], tensors: ['img', 'velocity'], steps: [0, 2] });
    await loop.record(hookedRunner([capture]));
    const bytes = capture.encode(new Map([['run', 'test']]));
    const file = await openSafetensors(memorySource(bytes, 'capture'));
    expect(file.metadata.get('run')).toBe('test');
    const names = [...file.names()].sort();
    expect(names).toHaveLength(2 * 2 * 2 * 2);
    expect(names[0]).toBe('step.0.cond.block.1.img');
    expect(file.info('step.2.uncond.head.velocity')?.shape).toEqual([16, 16]);
    expect(await file.readF32('step.2.cond.head.velocity')).toEqual(await loop.denoiser.passes.cond!.readVelocity());
    loop.denoiser.dispose();
  });
});
