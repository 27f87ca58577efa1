import { Checkpoint } from '../../model/checkpoint/checkpoint.ts';
import type { LayeredDesign } from '../../model/layout/design-schema.ts';
import { MrtPipeline, type MrtRunOptions } from '../../model/pipeline/mrt-pipeline.ts';
import type { PictureLoader } from '../../model/pipeline/picture.ts';
import type { Engine } from '../../runtime/engine.ts';
import { modelFolder } from '../../runtime/node/model-folder.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';
import { writeResult } from '../design/design-files.ts';
import { withInterrupt } from '../interrupt.ts';
import { createProgress } from '../progress.ts';
import { readCacheOption } from './read-cache-option.ts';
import type { RunFlags } from './run-options.ts';

/** What a command may change of a run besides its flags. */
export type RunExtras = Pick<MrtRunOptions, 'runner' | 'refine'>;

/**
 * Runs a design's task and writes the result: what `generate`, `decompose` and `edit` have in common. Progress goes to
 * stderr, the outcome to stdout.
 */
export async function runDesign(
  design: LayeredDesign,
  pictures: PictureLoader,
  flags: RunFlags,
  extras: (engine: Engine) => RunExtras = () => ({}),
): Promise<void> {
  const cache = await readCacheOption(flags.cache);
  await withInterrupt(async (signal) => {
    const checkpoint = await Checkpoint.open(await modelFolder(flags.model));
    await using engine = await openEngine({ adapter: flags.gpu ? 'gpu' : 'any' });
    await using pipeline = MrtPipeline.open(engine, checkpoint, { precision: flags.precision });
    const progress = createProgress({ isQuiet: flags.quiet === true || flags.json === true });
    if (engine.info.isSoftware) progress.note(`no GPU: running on the software driver ${engine.info.description}`);
    const run = pipeline.run(design, {
      pictures,
      signal,
      rng: flags.rng,
      ...(cache ? { cache } : {}),
      ...(flags.steps !== undefined ? { steps: flags.steps } : {}),
      ...(flags.seed !== undefined ? { seed: flags.seed } : {}),
      ...(flags.cfgScale !== undefined ? { cfgScale: flags.cfgScale } : {}),
      ...extras(engine),
    });
    try {
      for await (const event of run) progress.event(event);
    } finally {
      progress.done();
    }
    const result = await run;
    signal.throwIfAborted();
    const written = await writeResult(flags.output, result);
    if (flags.json) {
      const { psnrVsInput, psnrBeforeRefine, warnings, meta } = result;
      const device = { description: engine.info.description, isSoftware: engine.info.isSoftware };
      console.log(
        JSON.stringify(
          { ...written, psnrVsInput, psnrBeforeRefine, warnings, meta, device, counters: engine.counters },
          null,
          2,
        ),
      );
      return;
    }
    console.log(`${flags.output}: ${written.layers.length} layers in ${(result.meta.durationMs / 1000).toFixed(1)} s`);
    for (const layer of written.layers) console.log(`  ${layer.file}  ${layer.id}  [${layer.box.join(', ')}]`);
    console.log(`  ${written.merged}, ${written.design}`);
    if (result.psnrVsInput !== undefined) {
      const before = result.psnrBeforeRefine;
      const unrefined = before === undefined ? '' : `, ${before.toFixed(2)} dB as decoded`;
      console.log(`  merged against the input: ${result.psnrVsInput.toFixed(2)} dB${unrefined}`);
    }
  });
}
