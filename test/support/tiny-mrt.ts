import { fileURLToPath } from 'node:url';
import type { LayeredDesign } from '../../model/layout/design-schema.ts';
import { validateDesign } from '../../model/layout/design.ts';
import { loadPipeline } from '../../model/pipeline/load-pipeline.ts';
import type { MrtPipeline, MrtPipelineOptions } from '../../model/pipeline/mrt-pipeline.ts';
import type { Picture, PictureLoader } from '../../model/pipeline/picture.ts';
import type { Engine } from '../../runtime/engine.ts';
import { modelFolder } from '../../runtime/node/model-folder.ts';
import { seededRandom } from './random.ts';

/** The small untrained regional checkpoint of the golden cases. */
export const TINY_MRT = fileURLToPath(new URL('../golden/core/models/tiny-mrt', import.meta.url));

export async function openTinyMrt(engine: Engine, options: MrtPipelineOptions = {}): Promise<MrtPipeline> {
  return loadPipeline(engine, await modelFolder(TINY_MRT), options);
}

/** A picture of seeded noise. */
export function noisePicture(width: number, height: number, seed: number): Picture {
  const random = seededRandom(seed);
  return { width, height, data: Uint8Array.from({ length: 4 * width * height }, () => random.integer(256)) };
}

/** A window of 48 x 32 with a background and two layers, one of which leaves the window. */
export function twoLayers(extra: Partial<LayeredDesign> = {}): LayeredDesign {
  return validateDesign({
    format: 'layered-design/1',
    canvas: { width: 48, height: 32 },
    prompt: { global: 'a red circle and a blue star' },
    layers: [
      { id: 'bg', kind: 'background', z: 0, box: [0, 0, 48, 32], source: { uri: 'bg.png' } },
      { id: 'a', kind: 'image', z: 1, box: [-8, 0, 20, 20], caption: 'red circle', source: { uri: 'a.png' } },
      {
        id: 'b',
        kind: 'image',
        z: 2,
        box: [20, 10, 40, 30],
        caption: 'blue star',
        source: { uri: 'b.png' },
        reference: { uri: 'b.png' },
      },
    ],
    sampling: { steps: 2, seed: 3 },
    ...extra,
  });
}

/** Pictures of `twoLayers`, and `input.png` for decomposition. */
export const PICTURES: Readonly<Record<string, Picture>> = {
  'bg.png': noisePicture(48, 32, 1),
  'a.png': noisePicture(28, 20, 2),
  'b.png': noisePicture(20, 20, 3),
  'input.png': noisePicture(48, 32, 4),
};

export const loadTestPicture: PictureLoader = async (uri) => {
  const picture = PICTURES[uri];
  if (!picture) throw new Error(`no test picture ${uri}`);
  return picture;
};
