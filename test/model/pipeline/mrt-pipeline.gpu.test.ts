import { describe, expect, it } from 'vitest';
import { Checkpoint } from '../../../model/checkpoint/checkpoint.ts';
import { MrtPipeline, type MrtEvent } from '../../../model/pipeline/mrt-pipeline.ts';
import { toAdd, toDecompose, toGenerate, toRestyle } from '../../../model/pipeline/tasks.ts';
import { createEngine } from '../../../runtime/engine.ts';
import { DeviceError } from '../../../runtime/errors.ts';
import { modelFolder } from '../../../runtime/node/model-folder.ts';
import { openEngine } from '../../../runtime/node/open-engine.ts';
import { testEngine } from '../../support/engine.ts';
import { loadTestPicture as pictures, openTinyMrt, PICTURES, TINY_MRT, twoLayers } from '../../support/tiny-mrt.ts';

const engine = await testEngine();

describe.skipIf(typeof engine === 'string')('MrtPipeline', () => {
  if (typeof engine === 'string') return;

  it('makes every layer of a design from text, complete beyond the window', async () => {
    await using pipeline = await openTinyMrt(engine);
    const events: MrtEvent[] = [];
    const run = pipeline.run(toGenerate(twoLayers(), 'two shapes'), { pictures });
    for await (const event of run) events.push(event);
    const result = await run;
    expect(result.layers.map((layer) => [layer.id, layer.isGenerated])).toEqual([
      ['bg', true],
      ['a', true],
      ['b', true],
    ]);
    expect(result.layers[1].quantizedBox).toEqual([-16, 0, 32, 32]);
    for (const { picture, box } of result.layers) {
      expect([picture.width, picture.height]).toEqual([box[2] - box[0], box[3] - box[1]]);
      expect(picture.data.length).toBe(4 * picture.width * picture.height);
    }
    expect([result.merged.width, result.merged.height]).toEqual([48, 32]);
    expect([result.composed?.width, result.composed?.height]).toEqual([48, 32]);
    expect(result.meta).toMatchObject({ task: 't2l', steps: 2, seed: 3 });
    expect(events.filter((event) => event.type === 'step').map((event) => event.step)).toEqual([0, 1]);
    expect(events.filter((event) => event.type === 'phase').map((event) => event.phase)).toEqual([
      'load',
      'text',
      'encode',
      'denoise',
      'decode',
    ]);
    expect(events.filter((event) => event.type === 'layer').map((event) => event.id)).toEqual(['bg', 'a', 'b']);
  });

  it('takes a picture apart, with and without a prompt, and says how well the layers recompose it', async () => {
    await using pipeline = await openTinyMrt(engine);
    const withText = await pipeline.run(toDecompose(twoLayers(), 'input.png', 'shapes'), { pictures });
    const without = await pipeline.run(toDecompose(twoLayers({ prompt: null }), 'input.png'), { pictures });
    expect(withText.layers).toHaveLength(3);
    expect(without.layers).toHaveLength(3);
    expect(withText.psnrVsInput).toBeGreaterThan(0);
    expect(withText.composed).toBeUndefined();
    expect(withText.layers[1].picture.data).not.toEqual(without.layers[1].picture.data);
  });

  it('refines the layers of a picture where the manifest or the run says so', async () => {
    await using pipeline = await openTinyMrt(engine, { manifest: { i2lRefine: 'picture' } });
    const design = toDecompose(twoLayers(), 'input.png', 'shapes');
    const phases: string[] = [];
    const run = pipeline.run(design, { pictures });
    for await (const event of run) if (event.type === 'phase') phases.push(event.phase);
    const [refined, decoded] = [await run, await pipeline.run(design, { pictures, refine: false })];
    expect(phases.at(-1)).toBe('refine');
    expect(refined.psnrBeforeRefine).toBe(decoded.psnrVsInput);
    expect(refined.psnrVsInput).toBeGreaterThan(decoded.psnrVsInput! + 3);
    expect(decoded.psnrBeforeRefine).toBeUndefined();
    expect(refined.layers.map(({ id }) => id)).toEqual(decoded.layers.map(({ id }) => id));
  });

  it('refines nothing without a picture, and nothing that is blended', async () => {
    await using pipeline = await openTinyMrt(engine, { manifest: { i2lRefine: 'picture' } });
    const made = await pipeline.run(toGenerate(twoLayers(), 'two shapes'), { pictures });
    expect(made.psnrBeforeRefine).toBeUndefined();
    await expect(
      pipeline.run(toGenerate(twoLayers(), 'two shapes'), { pictures, refine: true }).result,
    ).rejects.toThrow(/refine: only image-to-layers .* "t2l"/);
    const design = toDecompose(twoLayers(), 'input.png', 'shapes');
    const blended = {
      ...design,
      layers: design.layers.map((layer) => (layer.id === 'a' ? { ...layer, blend: 'multiply' as const } : layer)),
    };
    const result = await pipeline.run(blended, { pictures });
    expect(result.psnrBeforeRefine).toBeUndefined();
    expect(result.warnings).toContain(
      'refine: layers must have blend "normal", layer "a" has "multiply". All layers stay as decoded.',
    );
  });

  it('refines where only the run says so, and can be cancelled while it does', async () => {
    await using pipeline = await openTinyMrt(engine);
    const design = toDecompose(twoLayers(), 'input.png', 'shapes');
    expect((await pipeline.run(design, { pictures, refine: true })).psnrBeforeRefine).toBeGreaterThan(0);
    expect((await pipeline.run(design, { pictures })).psnrBeforeRefine).toBeUndefined();
    const run = pipeline.run(design, { pictures, refine: true });
    for await (const event of run) if (event.type === 'phase' && event.phase === 'refine') break;
    await expect(run.result).rejects.toThrow(/cancelled/);
  });

  it('keeps what an edit does not touch byte for byte, and its result is a design to edit again', async () => {
    await using pipeline = await openTinyMrt(engine);
    const added = await pipeline.run(toAdd(twoLayers(), [{ box: [4, 4, 30, 20], caption: 'green ring', id: 'c' }]), {
      pictures,
    });
    expect(added.layers.map((layer) => [layer.id, layer.isGenerated])).toEqual([
      ['bg', false],
      ['a', false],
      ['b', false],
      ['c', true],
    ]);
    expect(added.layers[1].picture).toBe(PICTURES['a.png']);
    const files = new Map(
      added.design.result!.layers!.map((layer, i) => [layer.source!.uri, added.layers[i].picture] as const),
    );
    const again = await pipeline.run(toRestyle(added.design, ['c'], new Map()), {
      pictures: async (uri) => files.get(uri)!,
    });
    expect(again.layers.map((layer) => layer.isGenerated)).toEqual([false, false, false, true]);
    expect(again.layers[0].picture).toBe(PICTURES['bg.png']);
  });

  it('gives the same bytes for the same seed and others for another', async () => {
    await using pipeline = await openTinyMrt(engine);
    const run = (seed: number) => pipeline.run(toGenerate(twoLayers()), { pictures, seed });
    const [first, second, third] = [await run(7), await run(7), await run(8)];
    expect(second.layers[1].picture.data).toEqual(first.layers[1].picture.data);
    expect(third.layers[1].picture.data).not.toEqual(first.layers[1].picture.data);
  });

  it('stops within one step when aborted, rejects with the reason, and leaves nothing behind', async () => {
    await using own = await openEngine();
    await using pipeline = await openTinyMrt(own);
    await pipeline.run(toGenerate(twoLayers()), { pictures });
    own.pool.trim();
    const before = own.counters.liveBytes;
    const controller = new AbortController();
    const steps: number[] = [];
    const run = pipeline.run(toGenerate(twoLayers()), { pictures, steps: 50, signal: controller.signal });
    const reason = new Error('the user left');
    const read = (async () => {
      for await (const event of run)
        if (event.type === 'step') {
          steps.push(event.step);
          controller.abort(reason);
        }
    })();
    await expect(read).rejects.toBe(reason);
    await expect(run.result).rejects.toBe(reason);
    expect(steps.length).toBeLessThanOrEqual(2);
    own.pool.trim();
    expect(own.counters.liveBytes).toBe(before);
    const fresh = await pipeline.run(toGenerate(twoLayers()), { pictures });
    expect(fresh.layers).toHaveLength(3);
  });

  it('is cancelled by leaving the loop over its events', async () => {
    await using pipeline = await openTinyMrt(engine);
    const run = pipeline.run(toGenerate(twoLayers()), { pictures, steps: 50 });
    for await (const event of run) if (event.type === 'step') break;
    await expect(run.result).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('makes no pipelines, buffers or bind groups from step to step', async () => {
    await using pipeline = await openTinyMrt(engine);
    const seen: { pipelinesCompiled: number; buffersCreated: number; bindGroupsCreated: number }[] = [];
    for await (const event of pipeline.run(toGenerate(twoLayers()), { pictures, steps: 4, cfgScale: 2 }))
      if (event.type === 'step') {
        const { pipelinesCompiled, buffersCreated, bindGroupsCreated } = engine.counters;
        seen.push({ pipelinesCompiled, buffersCreated, bindGroupsCreated });
      }
    expect(seen).toHaveLength(4);
    for (const counters of seen) expect(counters).toEqual(seen[0]);
  });

  it('queues runs of one model', async () => {
    await using pipeline = await openTinyMrt(engine);
    const order: string[] = [];
    const start = (name: string) => pipeline.run(toGenerate(twoLayers()), { pictures }).then(() => order.push(name));
    await Promise.all([start('first'), start('second'), start('third')]);
    expect(order).toEqual(['first', 'second', 'third']);
  });

  it('names the part that a checkpoint lacks', async () => {
    const folder = await modelFolder(TINY_MRT);
    const checkpoint = await Checkpoint.open({
      ...folder,
      folder: async (part) => (part === 'vae' ? undefined : folder.folder(part)),
    });
    const pipeline = MrtPipeline.open(engine, checkpoint);
    await expect(pipeline.run(toGenerate(twoLayers()), { pictures }).result).rejects.toThrow(
      'the folder "vae" is missing',
    );
    await pipeline.dispose();
  });

  it('runs on a window off the token grid and gives the result in its size', async () => {
    await using pipeline = await openTinyMrt(engine);
    const design = twoLayers({ canvas: { width: 50, height: 30 } });
    const input = { ...PICTURES['input.png'] };
    const result = await pipeline.run(toDecompose(design, 'input.png'), { pictures: async () => input });
    expect([result.merged.width, result.merged.height]).toEqual([50, 30]);
    for (const { picture, box } of result.layers)
      expect([picture.width, picture.height]).toEqual([box[2] - box[0], box[3] - box[1]]);
  });
});

describe.skipIf(typeof engine === 'string')('a lost device', () => {
  it('rejects the run with a remedy', async () => {
    const own = await openEngine();
    const pipeline = await openTinyMrt(own);
    const run = pipeline.run(toGenerate(twoLayers()), { pictures, steps: 50 });
    const read = (async () => {
      for await (const event of run) if (event.type === 'step' && event.step === 1) own.device.destroy();
    })();
    await expect(read).rejects.toThrow(DeviceError);
    await expect(run.result).rejects.toThrow('Create a new engine');
    own.dispose();
    expect(own.counters.liveBytes).toBe(0);
    const rebuilt = await createEngine({ gpu: own.gpu! });
    const next = await openTinyMrt(rebuilt);
    expect((await next.run(toGenerate(twoLayers()), { pictures })).layers).toHaveLength(3);
    await next.dispose();
    rebuilt.dispose();
  });
});
