import { checkDesign, isHiddenFrom, requirePictures } from './check-design.ts';
import type { CheckedDesign } from './check-design.ts';
import { DESIGN_FORMAT, designSchema } from './design-schema.ts';
import type { LayeredDesign } from './design-schema.ts';
import { MAX_GROUP_DEPTH } from './flatten.ts';
import { MAX_JSON_DEPTH, copyJson, isJsonObject, joinPath, parseJson } from './json.ts';
import type { JsonRefusal } from './json.ts';
import { liesWithin, overflowLimits } from './overflow.ts';
import { isLayoutRule, layoutError } from './rules.ts';

/** Limits that belong to the checkpoint's manifest; the defaults are the format's own. */
export interface DesignLimits {
  /** Layers besides the background, groups flattened. Default 50. */
  readonly maxLayers?: number;
  /** Reach of boxes beyond the window in window sides, where the document names none. Default 0.5. */
  readonly maxRatio?: number;
  /** `reject` (default) boxes beyond the cap, or leave them for the planner to `clip`. */
  readonly overflow?: 'reject' | 'clip';
  /** `clip`: the planner cuts boxes to the window in i2l, so the cap does not concern them. Default `keep`. */
  readonly i2lOutside?: 'keep' | 'clip';
}

const DEFAULT_MAX_LAYERS = 50;
const DEFAULT_MAX_RATIO = 0.5;

/**
 * Reads a layered design (`layered-design/1`).
 *
 * @param text JSON text, or its UTF-8 bytes
 * @param path the file or URL as the caller named it, for messages
 * @returns the document as written, unknown fields included (a field `__proto__` is dropped)
 * @throws LayoutError whose `rule` is the broken rule and whose message names place, value and remedy
 */
export function parseDesign(text: string | Uint8Array, path?: string, limits?: DesignLimits): LayeredDesign {
  return validateDesign(parseJson(text, MAX_JSON_DEPTH, refuseWith(path)), path, limits);
}

/**
 * Validates a document that is a JSON value already.
 *
 * @param value any value; it is left untouched
 * @returns a deep copy made of plain objects, from own fields only
 * @throws LayoutError as {@link parseDesign}; never another error, whatever the value
 */
export function validateDesign(value: unknown, path?: string, limits: DesignLimits = {}): LayeredDesign {
  const copy = copyJson(value, MAX_JSON_DEPTH, refuseWith(path));
  refuseMasses(copy, limits.maxLayers ?? DEFAULT_MAX_LAYERS, path);
  const result = designSchema.safeParse(copy);
  if (!result.success) {
    const issue = result.error.issues[0];
    const where = issue?.path ?? [];
    const rule = issue !== undefined && isLayoutRule(issue.message) ? issue.message : 'invalid-type';
    throw layoutError(rule, { where: joinPath(where), got: valueAt(copy, where), path });
  }
  // The copy itself is handed on, not zod's output: what zod builds would lose the order of unknown fields.
  const design = copy as LayeredDesign;
  const checked = checkDesign(design, path);
  const taking = checked.layers.filter((layer) => !isHiddenFrom(checked.task, layer));
  requirePictures(checked.task, taking, path);
  const isCut = limits.overflow === 'clip' || (limits.i2lOutside === 'clip' && checked.task === 'i2l');
  if (!isCut) refuseOverflow(checked, limits.maxRatio ?? DEFAULT_MAX_RATIO, path);
  return design;
}

/**
 * Writes a design as JSON text, two spaces deep, with a line break at its end; `parseDesign` reads it back unchanged.
 *
 * @throws LayoutError if the document is invalid, for example because it was edited by hand
 */
export function writeDesign(design: LayeredDesign, limits?: DesignLimits): string {
  return `${JSON.stringify(validateDesign(design, undefined, limits), null, 2)}\n`;
}

/** A design without layers but the background: where an app starts. `width` and `height` in pixels. */
export function createDesign(width: number, height: number): LayeredDesign {
  return validateDesign({
    format: DESIGN_FORMAT,
    canvas: { width, height },
    layers: [{ id: 'background', kind: 'background', z: 0, box: null }],
  });
}

function refuseWith(path: string | undefined): JsonRefusal {
  return (fault, where, gotText) => {
    throw layoutError(fault, { where, gotText, path });
  };
}

/**
 * Counts layers and group levels before the schema runs, so that a document of a million layers or of deep groups costs
 * no more than its own text. Anything malformed is left for the schema to name.
 */
function refuseMasses(value: unknown, maxLayers: number, path: string | undefined): void {
  if (!isJsonObject(value) || !Array.isArray(value.layers)) return;
  const open: { items: readonly unknown[]; depth: number; where: string }[] = [
    { items: value.layers, depth: 0, where: 'layers' },
  ];
  let leaves = 0;
  for (let level = open.pop(); level !== undefined; level = open.pop()) {
    for (const [i, node] of level.items.entries()) {
      if (isJsonObject(node) && node.kind === 'group' && Array.isArray(node.children)) {
        const where = `${level.where}[${i}]`;
        if (level.depth >= MAX_GROUP_DEPTH)
          throw layoutError('too-deep', { where, gotText: `more than ${MAX_GROUP_DEPTH} groups`, path });
        open.push({ items: node.children, depth: level.depth + 1, where: `${where}.children` });
      } else if (!isJsonObject(node) || node.kind !== 'background') {
        leaves++;
      }
    }
  }
  if (leaves > maxLayers)
    throw layoutError('too-many-layers', {
      where: 'layers',
      gotText: `${leaves} where ${maxLayers} are allowed`,
      path,
    });
}

function refuseOverflow(checked: CheckedDesign, maxRatio: number, path: string | undefined): void {
  const limits = overflowLimits(checked.window, checked.maxRatio ?? maxRatio);
  for (const layer of checked.layers) {
    if (liesWithin(layer.box, limits)) continue;
    const gotText = `[${layer.box.join(', ')}] where [${limits.join(', ')}] is allowed`;
    throw layoutError('overflow-cap', { where: `${layer.where}.box`, gotText, path });
  }
}

/** The value an issue is about; undefined where it is absent. */
function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[part];
  }
  return value;
}
