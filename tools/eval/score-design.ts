import { compositeLayers, premultiplyBytes } from '../../model/layout/composite.ts';
import type { DesignTaskType } from '../../model/layout/design-schema.ts';
import type { RgbaImage } from '../../runtime/image/rgba-image.ts';
import { captionShare, findLayer, hitsColour, hitsColourAndShape } from './caption-score.ts';
import type { FoundLayer, WantedLayer } from './caption-score.ts';
import type { EvalLayer, Sheet } from './eval-layer.ts';
import { countOf, onFrame, onGray } from './eval-layer.ts';
import type { Score } from './metric-table.ts';
import { colourDistance, meanColour } from './named-colours.ts';
import type { Rgb } from './named-colours.ts';
import { flatFill, hiddenMask } from './occlusion.ts';
import { paletteDistance } from './palette-distance.ts';
import { psnr, psnrOf, squaredError } from './psnr.ts';
import type { TestDesign, TrueLayer } from './read-test-set.ts';
import { framePair, one, scoreAgainstTruth, scoreManners } from './score-layer.ts';
import type { FramedPair } from './score-layer.ts';
import { outlineOf } from './shape-match.ts';
import type { ShapeTemplates } from './shape-match.ts';
import { ssim } from './ssim.ts';

/** What a candidate made of a design. */
export interface EvalOutput {
  /** Generated layers. One that is missing counts as empty. */
  readonly layers: readonly EvalLayer[];
  /** Kept layers as they came back; absent where the candidate touches none. */
  readonly kept?: readonly EvalLayer[];
  /** The flat picture of the window, where the candidate draws one. */
  readonly composed?: RgbaImage;
}

/** What figures are grouped by. */
export interface RecordTags {
  readonly layerCount: '1' | '2-3' | '4-8' | '9+';
  readonly overflow: 'overflow' | 'inside';
  /** A shape word, `text`, `panel`, `shadow`, `group`; absent for figures of a whole design. */
  readonly element?: string;
}

/** The score of one layer, or of one design. */
export interface EvalRecord {
  /** Index of the design. */
  readonly design: number;
  readonly tags: RecordTags;
  readonly score: Score;
}

/** Captions name at most nine layers: of a fuller design nobody can know which were left out. */
const MOST_NAMED = 9;
/** A restyled layer has the wanted colour within this. */
const COLOUR_TOLERANCE = 0.15;

/** Scores what a candidate made of one design. `index` is the design's number in the set. */
export function scoreOutput(
  task: DesignTaskType,
  design: TestDesign,
  index: number,
  output: EvalOutput,
  templates: ShapeTemplates,
): EvalRecord[] {
  const scorer = new DesignScorer(task, design, output, templates);
  const layerCount = countTag(design.layers.length - 1);
  const records = scorer.generated().map(({ truth, score }): EvalRecord => {
    const overflow = truth.words.outsideShare > 0 ? 'overflow' : 'inside';
    return { design: index, tags: { layerCount, overflow, element: elementOf(truth) }, score };
  });
  const overflow = design.layers.some((layer) => layer.words.outsideShare > 0) ? 'overflow' : 'inside';
  return [...records, { design: index, tags: { layerCount, overflow }, score: scorer.whole() }];
}

/** Which group of layer counts (without background) a design belongs to. */
export function countTag(count: number): RecordTags['layerCount'] {
  return count <= 1 ? '1' : count <= 3 ? '2-3' : count <= 8 ? '4-8' : '9+';
}

/** What a layer is, in one word. */
export function elementOf({ words }: TrueLayer): string {
  return words.kind === 'shape' ? words.shape : words.kind;
}

/** A generated foreground layer beside its truth, looked at once. */
interface Look {
  readonly layer: TrueLayer;
  readonly drawn: EvalLayer;
  readonly truth: EvalLayer;
  readonly above: readonly TrueLayer[];
  readonly framed: FramedPair;
  readonly found: FoundLayer;
  readonly wanted: WantedLayer;
}

class DesignScorer {
  readonly #task: DesignTaskType;
  readonly #design: TestDesign;
  readonly #output: EvalOutput;
  readonly #drawn: ReadonlyMap<string, EvalLayer>;
  /** Bottom first. */
  readonly #looks: readonly Look[];

  constructor(task: DesignTaskType, design: TestDesign, output: EvalOutput, templates: ShapeTemplates) {
    this.#task = task;
    this.#design = design;
    this.#output = output;
    this.#drawn = new Map(output.layers.map((layer) => [layer.id, layer]));
    this.#looks = design.layers.flatMap((layer, at) =>
      layer.isBackground || !this.#isGenerated(layer) ? [] : [this.#look(layer, at, templates)],
    );
  }

  #look(layer: TrueLayer, at: number, templates: ShapeTemplates): Look {
    const drawn = this.#drawnOf(layer);
    const truth = this.#task === 'restyle' ? (this.#design.restyle.get(layer.id)?.wanted ?? layer) : layer;
    const framed = framePair({ drawn, truth });
    const wanted: WantedLayer = {
      colour: layer.words.colour,
      element: elementOf(layer),
      trueColour: meanColour(framed.truth),
      trueOutline: outlineOf(framed.truth),
    };
    const above = this.#design.layers.slice(at + 1);
    return { layer, drawn, truth, above, framed, found: findLayer(framed.drawn, templates), wanted };
  }

  /** Scores of the generated foreground layers, bottom first. */
  generated(): { truth: TrueLayer; score: Score }[] {
    return this.#looks.map((look) => ({ truth: look.layer, score: this.#scoreLayer(look) }));
  }

  #isGenerated({ id }: TrueLayer): boolean {
    return this.#task === 't2l' || this.#task === 'i2l' || this.#design.targets.includes(id);
  }

  #drawnOf({ id, box }: EvalLayer): EvalLayer {
    const empty = { id, box: [box[0], box[1], box[0] + 1, box[1] + 1] as const, rgba: new Uint8Array(4) };
    return this.#drawn.get(id) ?? empty;
  }

  #scoreLayer({ layer, drawn, truth, above, framed, found, wanted }: Look): Score {
    const manners = scoreManners(drawn, framed, layer.box);
    // A text prompt says nothing about which region shows what, so there is no truth for a region.
    if (this.#task === 't2l') return manners;
    const score = { ...scoreAgainstTruth({ drawn, truth, above, window: this.#design.window }, framed), ...manners };
    if (this.#task === 'restyle') return { ...score, ...this.#scoreRestyle(layer, framed.drawn, found, wanted) };
    const hits = {
      ...one('captionColour', Number(hitsColour(found, wanted))),
      ...one('captionColourShape', Number(hitsColourAndShape(found, wanted))),
    };
    const harmony = this.#task === 'add' ? one('paletteAfter', paletteDistance(framed.drawn, this.#palette())) : {};
    return { ...score, ...hits, ...harmony };
  }

  /** Mean colours of the kept foreground layers. */
  #palette(): Rgb[] {
    return this.#design.layers
      .filter((layer) => !layer.isBackground && !this.#isGenerated(layer))
      .map((layer) => meanColour(onFrame(layer, layer.box)))
      .filter((colour) => colour !== undefined);
  }

  #scoreRestyle(layer: TrueLayer, drawn: Sheet, found: FoundLayer, wanted: WantedLayer): Score {
    const reference = this.#design.restyle.get(layer.id)?.reference;
    const palette = this.#palette();
    const before = reference && paletteDistance(onFrame(reference, reference.box), palette);
    const after = paletteDistance(drawn, palette);
    const isRight =
      found.colour && wanted.trueColour && colourDistance(found.colour, wanted.trueColour) <= COLOUR_TOLERANCE;
    return {
      ...one('paletteBefore', before),
      ...one('paletteAfter', after),
      ...(before !== undefined && after !== undefined ? { paletteRatio: [after, before] as const } : {}),
      wantedColour: [isRight === true ? 1 : 0, 1],
    };
  }

  /** Scores of the design as a whole. */
  whole(): Score {
    const { kept } = this.#output;
    if (this.#task === 'i2l') return { ...this.#scoreHidden(), ...this.#scoreMerged() };
    if (this.#task === 't2l') return { ...this.#scoreCaption(), ...this.#scoreConsistency() };
    return kept ? { keptEqual: [Number(this.#isKeptEqual(kept)), 1] } : {};
  }

  #scoreHidden(): Score {
    const { window, layers } = this.#design;
    const [background, ...foreground] = layers;
    const mask = hiddenMask(foreground, window);
    if (countOf(mask) === 0) return {};
    const truth = onFrame(background, window);
    const error = squaredError(onFrame(this.#drawnOf(background), window).data, truth.data, 4, mask);
    const pooled: Score = { hiddenPsnrPooled: [error.sum, error.count] };
    if (background.words.pattern === 'plain') return pooled;
    const own = psnrOf(error);
    const flat = psnr(flatFill(truth, foreground, window).data, truth.data, 4, mask);
    const over = own !== undefined && flat !== undefined ? own - flat : undefined;
    return { ...pooled, ...one('hiddenPsnr', own), ...one('hiddenOverFlat', over) };
  }

  /** All generated layers over each other in the window. */
  #merged(): Sheet {
    const { window, layers } = this.#design;
    const stack = layers.map((layer) => this.#drawnOf(layer));
    const data = compositeLayers(
      stack.map(({ box, rgba }) => ({ box, pixels: rgba })),
      window,
    );
    return { width: window[2], height: window[3], data };
  }

  #scoreMerged(): Score {
    const { fidelity, likeness } = this.#compareMerged(this.#design.composed);
    return { ...one('mergedPsnr', fidelity), ...one('mergedSsim', likeness) };
  }

  #scoreConsistency(): Score {
    if (!this.#output.composed) return {};
    const { fidelity, likeness } = this.#compareMerged(this.#output.composed);
    return { ...one('composedPsnr', fidelity), ...one('composedSsim', likeness) };
  }

  #compareMerged(image: RgbaImage): { fidelity: number | undefined; likeness: number } {
    const { width, height } = image;
    const a = onGray(this.#merged());
    const b = onGray({ width, height, data: premultiplyBytes(image.data) });
    return { fidelity: psnr(a, b, 3), likeness: ssim(a, b, { width, height, channels: 3 }) };
  }

  #scoreCaption(): Score {
    if (this.#looks.length === 0 || this.#looks.length > MOST_NAMED) return {};
    const found = this.#looks.map((look) => look.found);
    const wanted = this.#looks.map((look) => look.wanted);
    return {
      captionColour: [captionShare(found, wanted, hitsColour), 1],
      captionColourShape: [captionShare(found, wanted, hitsColourAndShape), 1],
    };
  }

  #isKeptEqual(kept: readonly EvalLayer[]): boolean {
    const given = this.#design.layers.filter((layer) => !this.#isGenerated(layer));
    const byId = new Map(kept.map((layer) => [layer.id, layer]));
    return (
      byId.size === given.length &&
      given.every((layer) => {
        const back = byId.get(layer.id);
        return back !== undefined && isSameLayer(layer, back);
      })
    );
  }
}

function isSameLayer(a: EvalLayer, b: EvalLayer): boolean {
  return (
    a.box.every((side, i) => side === b.box[i]) &&
    a.rgba.length === b.rgba.length &&
    a.rgba.every((byte, i) => byte === b.rgba[i])
  );
}
