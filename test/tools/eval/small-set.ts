import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { compositeLayers, toBytes } from '../../../model/layout/composite.ts';
import type { Box } from '../../../model/layout/design-schema.ts';
import { writePng } from '../../../runtime/image/png.ts';
import type { EvalLayer } from '../../../tools/eval/eval-layer.ts';
import { NAMED_COLOURS, type ColourName } from '../../../tools/eval/named-colours.ts';

/** A drawn rectangle: colour by name, one alpha. */
export function plainLayer(id: string, box: Box, colour: ColourName, alpha = 255): EvalLayer {
  const rgba = new Uint8Array(4 * (box[2] - box[0]) * (box[3] - box[1]));
  const bytes = NAMED_COLOURS[colour].map((value) => Math.round(255 * value));
  for (let at = 0; at < rgba.length; at += 4) rgba.set([...bytes, alpha], at);
  return { id, box, rgba };
}

/** One layer of a small design. */
export interface SmallLayer {
  readonly box: Box;
  readonly colour: ColourName;
  readonly kind?: string;
  readonly shape?: string;
  readonly alpha?: number;
}

/** A design of plain rectangles on a background of two halves. */
export interface SmallDesign {
  readonly layers: readonly SmallLayer[];
  /** Ids are layer-1, layer-2, ...; default the last. */
  readonly targets?: readonly string[];
  readonly pattern?: string;
}

const SIDE = 48;

/** Two designs with two and one layers; the first has all tasks. */
export const SMALL_DESIGNS: readonly SmallDesign[] = [
  {
    pattern: 'split',
    layers: [
      { box: [4, 4, 28, 28], colour: 'red', shape: 'square' },
      { box: [20, 20, 60, 44], colour: 'blue', shape: 'rectangle' },
    ],
  },
  { layers: [{ box: [8, 8, 40, 32], colour: 'green', shape: 'rectangle' }] },
  {
    layers: [
      { box: [0, 0, 20, 20], colour: 'navy', shape: 'square' },
      { box: [24, 24, 44, 44], colour: 'yellow', shape: 'square' },
    ],
  },
];

/**
 * Writes a test set into a temporary folder that lasts until the test ends; `change` may spoil any JSON file before it is
 * written.
 */
export function writeSmallSet(
  designs: readonly SmallDesign[] = SMALL_DESIGNS,
  change: (file: string, value: Record<string, unknown>) => void = () => {},
): string {
  const root = mkdtempSync(join(tmpdir(), 'layerloom-set-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const put = (file: string, value: Record<string, unknown>): void => {
    const copy = JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
    change(file, copy);
    writeFileSync(join(root, file), JSON.stringify(copy));
  };
  const entries = designs.map((design, i) => {
    const folder = String(i).padStart(4, '0');
    mkdirSync(join(root, folder));
    return writeDesign(design, folder, root, put);
  });
  put('set.json', { format: 'layerloom-set/1', seed: 5, designs: entries });
  return root;
}

function writeDesign(
  design: SmallDesign,
  folder: string,
  root: string,
  put: (file: string, value: Record<string, unknown>) => void,
): Record<string, unknown> {
  const picture = (name: string, { box, rgba }: EvalLayer): void =>
    writeFileSync(
      join(root, folder, `${name}.png`),
      writePng({ width: box[2] - box[0], height: box[3] - box[1], data: new Uint8Array(rgba) }),
    );
  const back = plainLayer('bg', [0, 0, SIDE, SIDE], 'cream');
  if (design.pattern !== undefined) {
    const half = plainLayer('bg', [0, 0, SIDE, SIDE / 2], 'pink').rgba;
    (back.rgba as Uint8Array).set(half);
  }
  const layers = [
    back,
    ...design.layers.map(({ box, colour, alpha }, i) => plainLayer(`layer-${i + 1}`, box, colour, alpha)),
  ];
  for (const layer of layers) picture(layer.id, layer);
  const composed = toBytes(
    compositeLayers(
      layers.map(({ box, rgba }) => ({ box, pixels: rgba })),
      [0, 0, SIDE, SIDE],
    ),
  );
  picture('composed', { id: '', box: [0, 0, SIDE, SIDE], rgba: new Uint8Array(composed) });
  const targets = design.targets ?? [`layer-${design.layers.length}`];
  for (const layer of layers.filter(({ id }) => targets.includes(id))) {
    picture(`${layer.id}.reference`, plainLayer(layer.id, layer.box, 'purple'));
    picture(`${layer.id}.wanted`, plainLayer(layer.id, layer.box, design.layers[0]?.colour ?? 'red'));
  }
  const words = [
    { id: 'bg', kind: 'background', shape: 'background', colour: 'cream', pattern: design.pattern ?? 'plain', box: back.box, visibleShare: 1, outsideShare: 0 },
    ...design.layers.map(({ box, colour, kind, shape }, i) => ({
      id: `layer-${i + 1}`, kind: kind ?? 'shape', shape: shape ?? 'rectangle', colour, box, visibleShare: 1,
      outsideShare: box[2] > SIDE ? 0.3 : 0,
    })),
  ]; // prettier-ignore
  const tasks = design.layers.length > 1 ? ['t2l', 'i2l', 'add', 'restyle'] : ['t2l', 'i2l', 'add'];
  const caption = design.layers.map(({ colour, shape }) => `${colour} ${shape ?? 'rectangle'}`);
  put(`${folder}/meta.json`, {
    layers: words,
    targets,
    hiddenBackgroundPixels: 0,
    captions: { short: caption.join(', '), long: caption.join(', ') },
  });
  for (const task of tasks)
    put(`${folder}/${task}.json`, {
      format: 'layered-design/1',
      canvas: { width: SIDE, height: SIDE },
      prompt: { global: task === 't2l' ? caption.join(', ') : '' },
      sampling: { seed: 1 },
      task: {
        type: task,
        ...(task === 'i2l' ? { image: { uri: 'composed.png' } } : {}),
        ...(task === 'add' || task === 'restyle' ? { targets } : {}),
      },
      layers: layers.map(({ id, box }, z) => ({
        id, z, box, kind: z === 0 ? 'background' : 'image', caption: z === 0 ? 'cream background' : caption[z - 1],
        ...(['add', 'restyle'].includes(task) && !targets.includes(id) ? { source: { uri: `${id}.png` } } : {}),
        ...(task === 'restyle' && targets.includes(id) ? { reference: { uri: `${id}.reference.png` } } : {}),
      })),
    }); // prettier-ignore
  return { folder, seed: [5, 0], width: SIDE, height: SIDE, layers: design.layers.length, tasks };
}
