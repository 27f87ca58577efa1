import { LayoutError } from '../../runtime/errors.ts';

/** What every rule of a layered design says, and what to do about a break of it. The keys are stable names. */
const RULES = {
  'not-json': [
    'a design is one JSON text in UTF-8',
    'Write it with a JSON library, without byte order mark, comments, NaN or Infinity.',
  ],
  'too-deep': ['JSON nests at most 64 deep and groups at most 32 deep', 'Flatten the groups.'],
  'not-object': [
    'a design is a JSON object',
    'Start from { "format": "layered-design/1", "canvas": ..., "layers": [...] }.',
  ],
  'unknown-format': ['format is "layered-design/1"', 'Set it, or convert the document.'],
  'invalid-window': [
    'canvas.width and canvas.height are integers from 1 to 65536',
    'Give the visible window in pixels.',
  ],
  'invalid-overflow': [
    'canvas.overflow is an object with maxRatio from 0 to 16',
    'Give { "maxRatio": 0.5 } or leave it out.',
  ],
  'invalid-layers': ['layers is an array', 'List the layers; z orders them.'],
  'invalid-layer': ['a layer is an object', 'Give { "id", "kind", "z", "box" }.'],
  'invalid-id': ['an id is a string of 1 to 256 characters without control characters', 'Name every layer and group.'],
  'duplicate-id': ['an id is used once in the document, groups and their children included', 'Rename one of the two.'],
  'invalid-kind': ['kind is background, image, text or group', 'Use image for any picture.'],
  'invalid-group': ['a group has an array of children', 'Give "children": [...].'],
  'invalid-z': ['z is a safe integer', 'Number the layers from the bottom up.'],
  'duplicate-z': ['a z is used once in the document', 'Give every layer a z of its own.'],
  'missing-background': [
    'one layer has kind background',
    'Add { "id": "bg", "kind": "background", "z": 0, "box": null }.',
  ],
  'duplicate-background': ['only one layer has kind background', 'Make the others images.'],
  'background-not-lowest': ['the background has the lowest z', 'Lower its z.'],
  'missing-box': ['every layer but the background has a box', 'Give [x0, y0, x1, y1] in window pixels.'],
  'invalid-box': ['a box is four finite integers [x0, y0, x1, y1]', 'Round it outward.'],
  'empty-box': ['a box has x1 > x0 and y1 > y0', 'Give [x0, y0, x1, y1], the far corner excluded.'],
  'overflow-cap': [
    'a box reaches at most maxRatio x the canvas side beyond each side',
    'Shrink the box or raise canvas.overflow.maxRatio.',
  ],
  'too-many-layers': ['the number of layers besides the background is limited', 'Merge layers or split the design.'],
  'too-many-tokens': ['a plan has at most 4194304 image tokens', 'Make the window or the boxes smaller.'],
  'invalid-opacity': ['opacity is a number from 0 to 1', 'Use 0.5 for half transparent.'],
  'invalid-blend': ['blend is a known blend mode', 'Use "normal".'],
  'invalid-type': ['a field has the JSON type of its schema', 'See designJsonSchema().'],
  'invalid-source': ['source and reference are null or an object with a uri', 'Give { "uri": "layer.png" }.'],
  'invalid-uri': [
    "a uri is a relative path inside the design's folder or a data URL of image/png, image/jpeg or image/webp",
    'Put the picture beside the document and name it by its relative path.',
  ],
  'unknown-task': ['task.type is t2l, i2l, add or restyle', 'Say which task to run.'],
  'invalid-targets': ['task.targets is an array of strings', 'List layer ids.'],
  'unknown-target': ['a target is the id of a layer that is no group', 'Name an existing layer.'],
  'no-targets': [
    'add and restyle have at least one target',
    'List ids in task.targets or set "target": true on layers.',
  ],
  'missing-reference': [
    'a restyle target has a reference',
    'Give "reference": { "uri": ... } with the picture to restyle.',
  ],
  'missing-source': [
    'add and restyle need the pixels of every layer that is kept',
    'Give "source": { "uri": ... }, or hide the layer.',
  ],
  'missing-image': ['i2l has task.image', 'Give "image": { "uri": ... } with the flat picture.'],
  'invalid-sampling': [
    'sampling has steps 1..1000, seed 0..2^53-1, cfg 0..100 and scheduler euler or renoise',
    'Correct the value or leave it out.',
  ],
} as const satisfies Readonly<Record<string, readonly [rule: string, remedy: string]>>;

/** Stable name of a rule that a layered design or a plan made from it can break. */
export type LayoutRule = keyof typeof RULES;

/** Tells rule names from other text, by own lookup. */
export function isLayoutRule(name: string): name is LayoutRule {
  return Object.hasOwn(RULES, name);
}

/** Where a rule was broken. */
export interface LayoutFault {
  /** Place in the document, e.g. `layers[2].box`; empty for the document itself. */
  readonly where: string;
  /** The offending value, or a sentence about it when `gotText` is wanted instead. */
  readonly got?: unknown;
  /** Replaces the description of `got`. */
  readonly gotText?: string;
  /** The file, as the caller named it. */
  readonly path?: string | undefined;
}

/** The error of one broken rule: `design: rule, got value (file: where). Remedy.` */
export function layoutError(rule: LayoutRule, fault: LayoutFault): LayoutError {
  const [text, remedy] = RULES[rule];
  const place = [fault.path, fault.where].filter((part) => part !== undefined && part !== '').join(': ');
  const got = fault.gotText ?? describeValue(fault.got);
  const message = `design: ${text}, got ${got}${place === '' ? '' : ` (${place})`}. ${remedy}`;
  return new LayoutError(message, fault.path === undefined ? { rule } : { rule, path: fault.path });
}

const MAX_SHOWN = 60;

/** A short, bounded description of any value for a message: scalars in full up to 60 characters, containers by size. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') {
    return value.length <= MAX_SHOWN
      ? JSON.stringify(value)
      : `${JSON.stringify(value.slice(0, MAX_SHOWN))}... (${value.length} characters)`;
  }
  if (value === null || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  if (Array.isArray(value)) {
    const isShort =
      value.length <= 6 &&
      value.every((item) => item === null || typeof item === 'number' || typeof item === 'boolean');
    return isShort ? `[${value.join(', ')}]` : `an array of ${value.length}`;
  }
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
