import type { Sheet } from './eval-layer.ts';
import { largestMatching } from './matching.ts';
import { colourDistance, meanColour, nearestColour } from './named-colours.ts';
import type { ColourName, Rgb } from './named-colours.ts';
import { fitShapes, hasShape, outlineOf } from './shape-match.ts';
import type { Outline, ShapeFits, ShapeTemplates } from './shape-match.ts';

/** Jittered and shaded colours cross the borders between words: this near to the true colour is a hit whatever the word. */
const COLOUR_TOLERANCE = 0.15;

/** What a drawn layer shows. */
export interface FoundLayer {
  readonly colour: Rgb | undefined;
  readonly outline: Outline | undefined;
  readonly fits: ShapeFits;
}

/** What a caption asks for, and the true layer that answers it. */
export interface WantedLayer {
  readonly colour: ColourName;
  /** A shape word, `text`, `panel`, `shadow`. */
  readonly element: string;
  readonly trueColour: Rgb | undefined;
  readonly trueOutline: Outline | undefined;
}

/** Looks at a drawn layer once, whatever it is compared with. */
export function findLayer(sheet: Sheet, templates: ShapeTemplates): FoundLayer {
  const outline = outlineOf(sheet);
  return { colour: meanColour(sheet), outline, fits: outline ? fitShapes(outline, templates) : new Map() };
}

/** Whether a layer has the colour that was asked for: the nearest word, or near the true layer's colour. */
export function hitsColour(found: Pick<FoundLayer, 'colour'>, wanted: WantedLayer): boolean {
  if (!found.colour) return false;
  const isNear = wanted.trueColour && colourDistance(found.colour, wanted.trueColour) <= COLOUR_TOLERANCE;
  return isNear === true || nearestColour(found.colour) === wanted.colour;
}

/** Whether a layer has colour and shape. */
export function hitsColourAndShape(found: FoundLayer, wanted: WantedLayer): boolean {
  if (!hitsColour(found, wanted) || !found.outline || !wanted.trueOutline) return false;
  return hasShape(found.outline, found.fits, wanted.element, wanted.trueOutline);
}

/**
 * Share of what a caption asks for that is found anywhere among the layers, each layer counted once: regions of a text
 * prompt are anonymous.
 */
export function captionShare(
  found: readonly FoundLayer[],
  wanted: readonly WantedLayer[],
  isHit: (found: FoundLayer, wanted: WantedLayer) => boolean,
): number {
  return largestMatching(found.map((one) => wanted.map((other) => isHit(one, other)))) / wanted.length;
}
