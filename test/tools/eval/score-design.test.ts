import { describe, expect, test } from 'vitest';
import type { DesignTaskType } from '../../../model/layout/design-schema.ts';
import {
  chromaKeyBaseline,
  flatFillBaseline,
  otherDesignBaseline,
  pasteBaseline,
} from '../../../tools/eval/baselines.ts';
import { onFrame } from '../../../tools/eval/eval-layer.ts';
import type { EvalLayer } from '../../../tools/eval/eval-layer.ts';
import type { MetricKey } from '../../../tools/eval/metric-table.ts';
import { coverOf, flatFill, hiddenMask, ownMask, visibleMask } from '../../../tools/eval/occlusion.ts';
import { readTestSet } from '../../../tools/eval/read-test-set.ts';
import type { TestDesign } from '../../../tools/eval/read-test-set.ts';
import { countTag, scoreOutput } from '../../../tools/eval/score-design.ts';
import type { EvalOutput, EvalRecord } from '../../../tools/eval/score-design.ts';
import { drawTemplates } from '../../../tools/eval/shape-match.ts';
import { plainLayer, SMALL_DESIGNS, writeSmallSet } from './small-set.ts';

const templates = drawTemplates();

async function firstDesign(): Promise<TestDesign> {
  const [design] = (await readTestSet(writeSmallSet())).designs;
  if (!design) throw new TypeError('no design');
  return design;
}

const score = (task: DesignTaskType, design: TestDesign, output: EvalOutput): EvalRecord[] =>
  scoreOutput(task, design, 0, output, templates);

/** Figure of the layer (by its place among the records) or of the design, the last record. */
function figure(records: readonly EvalRecord[], key: MetricKey, at = -1): number {
  const part = records.at(at)?.score[key];
  if (!part) throw new TypeError(`${key} was not measured`);
  return part[0] / part[1];
}

function layerOf(design: TestDesign, id: string): EvalLayer {
  const layer = design.layers.find((one) => one.id === id);
  if (!layer) throw new TypeError(`no ${id}`);
  return layer;
}

describe('occlusion', () => {
  const window = [0, 0, 4, 2] as const;
  const layers = [
    plainLayer('a', [0, 0, 2, 2], 'red', 102),
    plainLayer('b', [1, 0, 3, 1], 'blue', 77),
    plainLayer('c', [3, -4, 9, 1], 'blue', 255),
  ];

  test('cover sums alphas; hidden is above one half', () => {
    const cover = [...coverOf(layers, window)].map((value) => Number(value.toFixed(2)));
    expect(cover).toEqual([0.4, 0.7, 0.3, 1, 0.4, 0.4, 0, 0]);
    expect([...hiddenMask(layers, window)]).toEqual([0, 1, 0, 1, 0, 0, 0, 0]);
  });

  test('flat fill is the mean of free pixels, or of all where none is free', () => {
    const background = onFrame(
      { id: 'bg', box: window, rgba: Uint8Array.from({ length: 32 }, (_, i) => (i % 4 === 3 ? 255 : 8 * (i >> 2))) },
      window,
    );
    const fill = flatFill(background, layers, window);
    expect(fill.data[0]).toBeCloseTo((8 * (6 + 7)) / 2 / 255, 6);
    expect([fill.data[3], fill.data[31]]).toEqual([1, 1]);
    expect(flatFill(background, [plainLayer('x', window, 'red')], window).data[0]).toBeCloseTo((8 * 3.5) / 255, 6);
  });

  test('own is where the true alpha is not next to nothing', () => {
    const frame = [0, 0, 3, 1] as const;
    const rgba = Uint8Array.of(9, 9, 9, 5, 9, 9, 9, 6, 9, 9, 9, 255);
    expect([...ownMask(onFrame({ id: 'a', box: frame, rgba }, frame), frame)]).toEqual([0, 1, 1]);
  });

  test('visible is own, in the window, and under next to nothing', () => {
    const frame = [0, 0, 4, 4] as const;
    const truth = onFrame(plainLayer('t', [0, 0, 3, 4], 'red'), frame);
    const own = ownMask(truth, frame);
    expect([...own].reduce((sum, value) => sum + value, 0)).toBe(12);
    const visible = visibleMask(
      own,
      [plainLayer('v', [0, 0, 1, 4], 'red', 12), plainLayer('w', [1, 0, 2, 4], 'red', 13)],
      frame,
      [0, 0, 4, 2],
    );
    expect([...visible]).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });
});

test('layer counts fall into four groups', () => {
  expect([1, 2, 3, 4, 8, 9, 24].map(countTag)).toEqual(['1', '2-3', '2-3', '4-8', '4-8', '9+', '9+']);
});

describe('the truth', () => {
  test.each(['t2l', 'i2l', 'add', 'restyle'] as const)('scores full marks in %s', async (task) => {
    const design = await firstDesign();
    const layers = task === 'restyle' ? [...design.restyle.values()].map(({ wanted }) => wanted) : design.layers;
    const records = score(task, design, { layers, kept: design.layers.slice(0, 2), composed: design.composed });
    expect(records.length).toBe(task === 't2l' || task === 'i2l' ? 3 : 2);
    const best: Partial<Record<MetricKey, number>> = {
      alphaIou: 1, alphaIouPooled: 1, alphaIouWindow: 1, captionColour: 1, captionColourShape: 1, wantedColour: 1,
      hiddenPsnr: 50, visiblePsnr: 50, visibleSsim: 1, layerPsnr: 50, layerSsim: 1, layerL1: 0, outsideIou: 1,
      outsidePsnr: 50, outsideArea: 1, boxInside: 1, boxFill: 1, grayLeak: 0, keptEqual: 1, composedPsnr: 50,
      composedSsim: 1, mergedPsnr: 50, mergedSsim: 1,
    }; // prettier-ignore
    let measured = 0;
    for (const { score: some } of records)
      for (const [key, part] of Object.entries(some) as [MetricKey, readonly [number, number]][]) {
        const wanted = best[key];
        if (wanted === undefined) continue;
        measured++;
        expect(part[0] / part[1], key).toBeCloseTo(wanted, 6);
      }
    expect(measured).toBeGreaterThan(5);
  });

  test('carries its tags', async () => {
    const design = await firstDesign();
    const records = score('i2l', design, { layers: design.layers });
    expect(records.map(({ tags }) => tags)).toEqual([
      { layerCount: '2-3', overflow: 'inside', element: 'square' },
      { layerCount: '2-3', overflow: 'overflow', element: 'rectangle' },
      { layerCount: '2-3', overflow: 'overflow' },
    ]);
  });
});

describe('faults show in the right metric', () => {
  test('half of a layer is missing', async () => {
    const design = await firstDesign();
    const half = plainLayer('layer-1', [4, 4, 16, 28], 'red');
    const records = score('i2l', design, { layers: [layerOf(design, 'bg'), half, layerOf(design, 'layer-2')] });
    expect(figure(records, 'alphaIou', 0)).toBeCloseTo(0.5, 6);
    expect(figure(records, 'boxFill', 0)).toBeCloseTo(0.5, 6);
    expect(figure(records, 'alphaIou', 1)).toBe(1);
    expect(figure(records, 'layerPsnr', 0)).toBeLessThan(30);
    expect(figure(records, 'mergedPsnr')).toBeLessThan(30);
  });

  test('a layer that does not come at all counts as empty', async () => {
    const design = await firstDesign();
    const records = score('i2l', design, { layers: [layerOf(design, 'bg')] });
    expect(figure(records, 'alphaIou', 0)).toBe(0);
    expect(figure(records, 'captionColour', 0)).toBe(0);
    expect(records[0]?.score.boxInside).toBeUndefined();
  });

  test('the part beyond the window is missing', async () => {
    const design = await firstDesign();
    const cut = plainLayer('layer-2', [20, 20, 48, 44], 'blue');
    const records = score('i2l', design, { layers: [layerOf(design, 'bg'), layerOf(design, 'layer-1'), cut] });
    expect(figure(records, 'alphaIouWindow', 1)).toBe(1);
    expect(figure(records, 'alphaIou', 1)).toBeCloseTo(28 / 40, 6);
    expect(figure(records, 'outsideIou', 1)).toBe(0);
    expect(figure(records, 'outsideArea', 1)).toBe(0);
    expect(figure(records, 'mergedPsnr')).toBe(50);
  });

  test('a wrong colour under another layer is no fault of what is visible', async () => {
    const design = await firstDesign();
    const wrong = plainLayer('layer-1', [4, 4, 28, 28], 'red');
    for (let y = 16; y < 24; y++) for (let x = 16; x < 24; x++) wrong.rgba.set([0, 255, 0], 4 * (24 * y + x));
    const records = score('i2l', design, { layers: [layerOf(design, 'bg'), wrong, layerOf(design, 'layer-2')] });
    expect(figure(records, 'visiblePsnr', 0)).toBe(50);
    expect(figure(records, 'layerPsnr', 0)).toBeLessThan(20);
    expect(figure(records, 'mergedPsnr')).toBe(50);
  });

  test('the background is wrong where it is hidden', async () => {
    const design = await firstDesign();
    const wrong = { ...layerOf(design, 'bg'), rgba: layerOf(design, 'bg').rgba.slice() };
    for (let y = 4; y < 28; y++) for (let x = 4; x < 28; x++) wrong.rgba.set([0, 0, 0], 4 * (48 * y + x));
    const records = score('i2l', design, { layers: [wrong, ...design.layers.slice(1)] });
    expect(figure(records, 'hiddenPsnr')).toBeLessThan(10);
    expect(figure(records, 'hiddenOverFlat')).toBeLessThan(-5);
    expect(figure(records, 'mergedPsnr')).toBe(50);
  });

  test('plain backgrounds count in the pooled figure only', async () => {
    const design = (await readTestSet(writeSmallSet())).designs[1];
    if (!design) throw new TypeError('no design');
    const records = score('i2l', design, { layers: design.layers });
    expect(records.at(-1)?.score.hiddenPsnr).toBeUndefined();
    expect(records.at(-1)?.score.hiddenPsnrPooled).toEqual([0, 32 * 24]);
  });

  test('kept layers: one byte, one box, one layer too few', async () => {
    const design = await firstDesign();
    const [bg, first, target] = design.layers;
    if (!bg || !first || !target) throw new TypeError('no layers');
    const kept = (layers: readonly EvalLayer[]): number =>
      figure(score('add', design, { layers: [target], kept: layers }), 'keptEqual');
    expect(kept([bg, first])).toBe(1);
    const changed = first.rgba.slice();
    changed[0] = (changed[0] ?? 0) ^ 1;
    expect(kept([bg, { ...first, rgba: changed }])).toBe(0);
    expect(kept([bg, { ...first, box: [5, 4, 29, 28] }])).toBe(0);
    expect(kept([bg])).toBe(0);
    expect(score('add', design, { layers: [target] }).at(-1)?.score.keptEqual).toBeUndefined();
  });

  test('text to layers: colours may change places, not repeat', async () => {
    const design = await firstDesign();
    const colours = (a: 'red' | 'blue', b: 'red' | 'blue'): number =>
      figure(
        score('t2l', design, {
          layers: [plainLayer('layer-1', [4, 4, 28, 28], a), plainLayer('layer-2', [20, 20, 60, 44], b)],
        }),
        'captionColour',
      );
    expect(colours('red', 'blue')).toBe(1);
    expect(colours('blue', 'red')).toBe(1);
    expect(colours('red', 'red')).toBe(0.5);
    const swapped = score('t2l', design, {
      layers: [plainLayer('layer-1', [4, 4, 28, 28], 'blue'), plainLayer('layer-2', [20, 20, 60, 44], 'red')],
    });
    expect(figure(swapped, 'captionColourShape')).toBe(0);
  });

  test('restyle: palette distance before and after', async () => {
    const design = await firstDesign();
    const reference = score('restyle', design, { layers: [plainLayer('layer-2', [20, 20, 60, 44], 'purple')] });
    expect(figure(reference, 'paletteRatio', 0)).toBeCloseTo(1, 6);
    expect(figure(reference, 'wantedColour', 0)).toBe(0);
    const wanted = score('restyle', design, { layers: [plainLayer('layer-2', [20, 20, 60, 44], 'red')] });
    expect(figure(wanted, 'paletteRatio', 0)).toBeCloseTo(0, 2);
    expect(figure(wanted, 'wantedColour', 0)).toBe(1);
    expect(figure(wanted, 'alphaIou', 0)).toBe(1);
  });
});

describe('baselines', () => {
  test('paste wins the merged picture and nothing else', async () => {
    const design = await firstDesign();
    const output = pasteBaseline('i2l', design);
    if (!output) throw new TypeError('no output');
    const records = score('i2l', design, output);
    expect(figure(records, 'mergedPsnr')).toBe(50);
    expect(figure(records, 'outsideIou', 1)).toBe(0);
    expect(figure(records, 'hiddenPsnr')).toBeLessThan(15);
  });

  test('chroma key finds a disc on its rim colour; flat fill has the mean background', async () => {
    const path = writeSmallSet([
      {
        pattern: 'split',
        layers: [
          { box: [0, 0, 48, 48], colour: 'cream', alpha: 0 },
          { box: [16, 28, 32, 44], colour: 'blue' },
        ],
      },
    ]);
    const [design] = (await readTestSet(path)).designs;
    if (!design) throw new TypeError('no design');
    const keyed = chromaKeyBaseline('i2l', {
      ...design,
      layers: design.layers.map((layer) =>
        layer.id === 'layer-1' ? { ...layer, box: [8, 26, 40, 46], rgba: new Uint8Array(4 * 32 * 20) } : layer,
      ),
    });
    const found = keyed?.layers.find(({ id }) => id === 'layer-1');
    const alpha = (x: number, y: number): number | undefined => found?.rgba[4 * (32 * (y - 26) + x - 8) + 3];
    expect([alpha(17, 30), alpha(10, 30), alpha(31, 43), alpha(33, 45)]).toEqual([255, 0, 255, 0]);
    const back = keyed?.layers.find(({ id }) => id === 'bg')?.rgba.slice(0, 4);
    expect([...(back ?? [])]).toEqual([...(flatFillBaseline('i2l', design)?.layers[0]?.rgba.slice(0, 4) ?? [])]);
  });

  test('flat fill fills the box', async () => {
    const design = await firstDesign();
    const output = flatFillBaseline('i2l', design);
    expect(output?.layers.map(({ id }) => id)).toEqual(['bg', 'layer-1', 'layer-2']);
    expect(figure(score('i2l', design, output ?? { layers: [] }), 'hiddenOverFlat')).toBeCloseTo(0, 1);
    const added = flatFillBaseline('add', design)?.layers ?? [];
    expect(added.map(({ id }) => id)).toEqual(['layer-2']);
    // The only kept element is red.
    expect(figure(score('add', design, { layers: added }), 'paletteAfter', 0)).toBeCloseTo(0, 2);
  });

  test('each stands only where it means something', async () => {
    const design = await firstDesign();
    expect(pasteBaseline('t2l', design)).toBeUndefined();
    expect(flatFillBaseline('t2l', design)).toBeUndefined();
    expect(chromaKeyBaseline('add', design)).toBeUndefined();
    expect(otherDesignBaseline('i2l', design, design)).toBeUndefined();
    expect(pasteBaseline('restyle', design)?.layers.map(({ id }) => id)).toEqual(['layer-2']);
  });

  test("another design's layers are chance", async () => {
    const set = await readTestSet(writeSmallSet(SMALL_DESIGNS));
    const [first, , third] = set.designs;
    if (!first || !third) throw new TypeError('no designs');
    const output = otherDesignBaseline('t2l', first, third);
    expect(output?.layers.map(({ id }) => id)).toEqual(['bg', 'layer-1', 'layer-2']);
    expect(figure(score('t2l', first, output ?? { layers: [] }), 'captionColour')).toBe(0);
    expect(
      figure(score('t2l', first, otherDesignBaseline('t2l', first, first) ?? { layers: [] }), 'captionColour'),
    ).toBe(1);
  });
});
