import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseDesign } from '../../model/layout/design.ts';
import type { LayeredDesign } from '../../model/layout/design-schema.ts';
import { DEFAULT_MODEL } from '../default-model.ts';

/** One job of the demo: a design with its task, and the true layers to hold the result against. */
export interface DemoTask {
  readonly name: 'decompose' | 'generate' | 'add' | 'restyle';
  readonly title: string;
  readonly design: LayeredDesign;
  /** Folder of the design's pictures. */
  readonly folder: string;
  /** The design as it truly is: every layer with its picture. */
  readonly truth: LayeredDesign;
}

/** What the demo runs: design folder, document and heading of each task. */
const TASKS = [
  ['decompose', 'art', 'i2l', 'A flat picture to layers'],
  ['generate', 'star', 't2l', 'A prompt and boxes to layers'],
  ['add', 'star', 'add', 'A layer added to a design'],
  ['restyle', 'star', 'restyle', "A layer redrawn in a design's style"],
] as const;

/** Designs of the demo: drawn by the training's generator from a seed that nobody trained on. */
const EXAMPLES = join(dirname(dirname(DEFAULT_MODEL)), 'examples/demo');

/** Reads the demo's four tasks. */
export async function demoTasks(examples = EXAMPLES): Promise<DemoTask[]> {
  const read = async (path: string): Promise<LayeredDesign> => parseDesign(await readFile(path), path);
  return Promise.all(
    TASKS.map(async ([name, design, task, title]) => {
      const folder = join(examples, design);
      return {
        name,
        title,
        folder,
        design: await read(join(folder, `${task}.json`)),
        truth: await trueDesign(folder, await read(join(folder, 'layout.json')), task === 'restyle'),
      };
    }),
  );
}

/** The design as it should come out: a restyled layer in the colours that the design implies, the others as drawn. */
async function trueDesign(folder: string, layout: LayeredDesign, isRestyled: boolean): Promise<LayeredDesign> {
  if (!isRestyled) return layout;
  const files = new Set(await readdir(folder));
  return {
    ...layout,
    layers: layout.layers.map((node) =>
      node.kind !== 'group' && files.has(`${node.id}.wanted.png`)
        ? { ...node, source: { uri: `${node.id}.wanted.png` } }
        : node,
    ),
  };
}
