import { fileURLToPath } from 'node:url';
import { loadPipeline, modelFolder, MrtPipeline, openEngine, toGenerate, validateDesign } from '../../node.ts';
import type { Engine, LayeredDesign } from '../../node.ts';

// What the examples share: an engine, a model, a design. In an app of your own import from 'layerloom/node'.

/** The first argument, or the small untrained checkpoint of the tests. */
const MODEL = process.argv[2] ?? fileURLToPath(new URL('../../test/golden/core/models/tiny-mrt', import.meta.url));

/** Opens the device and the model, runs, and closes both. */
export async function withModel(run: (pipeline: MrtPipeline, engine: Engine) => Promise<void>): Promise<void> {
  await using engine = await openEngine();
  await using pipeline = await loadPipeline(engine, await modelFolder(MODEL));
  if (!(pipeline instanceof MrtPipeline)) throw new TypeError(`${MODEL} is no regional checkpoint`);
  await run(pipeline, engine);
}

/** Two shapes on a background, to be generated in 8 steps. */
export const DESIGN: LayeredDesign = toGenerate(
  validateDesign({
    format: 'layered-design/1',
    canvas: { width: 64, height: 48 },
    layers: [
      { id: 'background', kind: 'background', z: 0, box: [0, 0, 64, 48] },
      { id: 'circle', kind: 'image', z: 1, box: [-8, 4, 28, 36], caption: 'a red circle' },
      { id: 'star', kind: 'image', z: 2, box: [28, 10, 60, 42], caption: 'a blue star' },
    ],
    sampling: { steps: 8, seed: 1 },
  }),
  'a red circle and a blue star',
);
