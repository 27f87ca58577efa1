import type { Box, DesignLayer, LayeredDesign } from '../../model/layout/design-schema.ts';
import { flattenLayers } from '../../model/layout/flatten.ts';
import type { LayeredResult } from '../../model/pipeline/mrt-result.ts';
import type { WrittenResult } from '../design/design-files.ts';
import type { DemoTask } from './demo-tasks.ts';

/** One task of the demo after its run. */
export interface DemoOutcome {
  readonly task: DemoTask;
  readonly result: LayeredResult;
  readonly written: WrittenResult;
  /** Folder of the task's files, relative to the report. */
  readonly folder: string;
  readonly seconds: number;
}

/** Screen pixels per picture pixel: the pictures are small. */
const ZOOM = 3;

/**
 * The demo's report: what went in, every layer on a checkerboard at its place (the window is the frame, what leaves it is
 * shown too), the merged picture, and the truth beside it. One HTML file that names the PNG files beside it.
 */
export function demoReport(outcomes: readonly DemoOutcome[], device: string): string {
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>layerloom demo</title>
<meta name="viewport" content="width=device-width">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #222; background: #fff }
h2 { margin: 2.5rem 0 .3rem } p { margin: .2rem 0 .8rem; color: #555 }
.row { display: flex; flex-wrap: wrap; gap: 1.2rem; align-items: flex-end }
figure { margin: 0 } figcaption { font-size: 13px; color: #555; max-width: 18rem }
.sheet { position: relative; background: repeating-conic-gradient(#ddd 0 25%, #fff 0 50%) 0 0 / 16px 16px }
.sheet img { position: absolute; image-rendering: pixelated }
.frame { position: absolute; outline: 1px solid #e33; pointer-events: none }
</style>
<h1>layerloom demo</h1>
<p>Made on ${escape(device)}. Red frames show the visible window: layers are complete beyond it.</p>
${outcomes.map(section).join('\n')}
</html>
`;
}

function section(outcome: DemoOutcome): string {
  const { task, result, written, folder, seconds } = outcome;
  const { width, height } = result.merged;
  const window: Box = [0, 0, width, height];
  const truth = leavesOf(task.truth);
  const extent = hull([
    window,
    ...result.layers.map((layer) => layer.box),
    ...truth.flatMap((leaf) => (leaf.box ? [leaf.box] : [])),
  ]);
  const show = (caption: string, parts: readonly Placed[]): string => figure(caption, parts, extent, window);
  const rows: string[] = [];
  if (task.name === 'decompose')
    rows.push(show('given: the flat picture', [{ src: `${folder}/input.png`, box: window }]));
  for (const [index, layer] of result.layers.entries()) {
    const caption = leavesOf(task.design).find((leaf) => leaf.id === layer.id)?.caption;
    const how = layer.isGenerated ? 'made' : 'kept';
    rows.push(
      show(`${how}: ${caption ?? layer.id}`, [{ src: `${folder}/${written.layers[index].file}`, box: layer.box }]),
    );
  }
  const all = result.layers.map((layer, index) => ({ src: `${folder}/${written.layers[index].file}`, box: layer.box }));
  const truthParts = truth.flatMap((leaf) =>
    leaf.source ? [{ src: `${folder}/truth/${leaf.source.uri}`, box: leaf.box ?? window }] : [],
  );
  const { steps, numTokens } = result.meta;
  const fidelity = fidelityOf(result);
  return `<h2>${escape(task.title)}</h2>
<p>${escape(promptOf(task.design))}${steps} steps, ${numTokens} tokens, ${seconds.toFixed(1)} s${fidelity}</p>
<div class="row">
${rows.join('\n')}
${show('all layers, beyond the window too', all)}
${show('merged', [{ src: `${folder}/${written.merged}`, box: window }])}
${show('truth', truthParts)}
</div>`;
}

interface Placed {
  readonly src: string;
  readonly box: Box;
}

function figure(caption: string, parts: readonly Placed[], extent: Box, window: Box): string {
  const place = (box: Box): string =>
    `left:${(box[0] - extent[0]) * ZOOM}px;top:${(box[1] - extent[1]) * ZOOM}px;width:${(box[2] - box[0]) * ZOOM}px;height:${(box[3] - box[1]) * ZOOM}px`;
  const images = parts.map(({ src, box }) => `<img src="${escape(src)}" alt="" style="${place(box)}">`).join('');
  const size = `width:${(extent[2] - extent[0]) * ZOOM}px;height:${(extent[3] - extent[1]) * ZOOM}px`;
  return `<figure><div class="sheet" style="${size}">${images}<div class="frame" style="${place(window)}"></div></div><figcaption>${escape(caption)}</figcaption></figure>`;
}

function leavesOf(design: LayeredDesign): DesignLayer[] {
  return flattenLayers(design.layers)
    .leaves.map(({ layer }) => layer)
    .sort((a, b) => a.z - b.z);
}

function promptOf(design: LayeredDesign): string {
  const text = design.prompt?.global;
  return text ? `“${text}” · ` : '';
}

function hull(boxes: readonly Box[]): Box {
  const low = (i: 0 | 1): number => Math.min(...boxes.map((box) => box[i]));
  const high = (i: 2 | 3): number => Math.max(...boxes.map((box) => box[i]));
  return [low(0), low(1), high(2), high(3)];
}

function escape(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replace(/[&<>"]/g, (character) => entities[character]);
}

function fidelityOf({ psnrVsInput, psnrBeforeRefine }: LayeredResult): string {
  if (psnrVsInput === undefined) return '';
  const before = psnrBeforeRefine === undefined ? '' : `, ${psnrBeforeRefine.toFixed(1)} dB before refinement`;
  return `, merged against the given picture ${psnrVsInput.toFixed(1)} dB${before}`;
}
