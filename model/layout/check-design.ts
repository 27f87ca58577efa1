import { MAX_SIDE, DESIGN_TASKS } from './design-schema.ts';
import type { Box, DesignLayer, DesignTask, DesignTaskType, LayeredDesign } from './design-schema.ts';
import { flattenLayers } from './flatten.ts';
import type { FlatDesign, FlatLayer } from './flatten.ts';
import { isJsonObject } from './json.ts';
import { layoutError } from './rules.ts';

// What a design must be whatever checkpoint runs it. The document's validation and the planner both stand on this page,
// so that they name the same rule for the same fault. Nothing here trusts that the schema was run before.

/** A layer of a checked design. */
export interface CheckedLayer extends FlatLayer {
  readonly id: string;
  readonly isBackground: boolean;
  readonly z: number;
  /** The requested box in window pixels; the window itself for a background without one. */
  readonly box: Box;
  /** Whether the task generates it. Without a task: false. */
  readonly isTarget: boolean;
}

/** What the checks of a design found out. */
export interface CheckedDesign {
  /** Undefined for a document without a task. */
  readonly task: DesignTaskType | undefined;
  /** The visible window in pixels. */
  readonly window: { readonly width: number; readonly height: number };
  /** Sorted by z, background first. */
  readonly layers: readonly CheckedLayer[];
  /** The document names its own cap: `canvas.overflow.maxRatio`. */
  readonly maxRatio: number | undefined;
}

/**
 * Checks what relates the fields of a design: ids, z, background, boxes, targets, image. In the order of the planner
 * (kinds-mrt.md section 3, steps 1 to 7).
 *
 * @param path the file, for messages
 * @throws LayoutError with the broken rule
 */
export function checkDesign(design: LayeredDesign, path?: string): CheckedDesign {
  const task = checkTask(design.task, path);
  const window = checkWindow(design.canvas, path);
  const flat = flattenLayers(design.layers, path);
  const leaves = sortLayers(flat, path);
  const background = findBackground(leaves, path);
  const boxes = leaves.map((leaf) => checkBox(leaf, window, path));
  const targets = findTargets(design.task, task, leaves, path);
  if (task === 'i2l' && !hasUri(design.task?.image)) {
    throw layoutError('missing-image', { where: 'task.image', got: design.task?.image, path });
  }
  const layers = leaves.map((leaf, i): CheckedLayer => {
    const { id, z } = leaf.layer;
    const box = boxes[i] ?? [0, 0, window.width, window.height];
    return { ...leaf, id, z, box, isBackground: leaf === background, isTarget: targets.has(id) };
  });
  return { task, window, layers, maxRatio: design.canvas.overflow?.maxRatio };
}

/**
 * The task's type; undefined for a document without a task.
 *
 * @throws LayoutError `unknown-task`
 */
export function checkTask(task: DesignTask | undefined, path: string | undefined): DesignTaskType | undefined {
  if (task === undefined) return undefined;
  const type: unknown = isJsonObject(task) ? task.type : task;
  const found = DESIGN_TASKS.find((name) => name === type);
  if (found === undefined) throw layoutError('unknown-task', { where: 'task.type', got: type, path });
  return found;
}

/**
 * The visible window in pixels.
 *
 * @throws LayoutError `invalid-window`
 */
export function checkWindow(canvas: LayeredDesign['canvas'], path: string | undefined): CheckedDesign['window'] {
  if (!isJsonObject(canvas)) throw layoutError('invalid-window', { where: 'canvas', got: canvas, path });
  for (const side of ['width', 'height'] as const) {
    const length: unknown = canvas[side];
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 1 || length > MAX_SIDE) {
      throw layoutError('invalid-window', { where: `canvas.${side}`, got: length, path });
    }
  }
  return { width: canvas.width, height: canvas.height };
}

/** Checks ids and z and sorts by z. */
function sortLayers(flat: FlatDesign, path: string | undefined): FlatLayer[] {
  const ids = new Map<string, string>();
  for (const { id, where } of flat.nodes) {
    if (typeof id !== 'string' || id === '') throw layoutError('invalid-id', { where: `${where}.id`, got: id, path });
    const first = ids.get(id);
    if (first !== undefined) {
      throw layoutError('duplicate-id', {
        where: `${where}.id`,
        gotText: `${JSON.stringify(id)}, already the id of ${first}`,
        path,
      });
    }
    ids.set(id, where);
  }
  const levels = new Map<number, string>();
  for (const { layer, where } of flat.leaves) {
    const z: unknown = layer.z;
    if (typeof z !== 'number' || !Number.isSafeInteger(z))
      throw layoutError('invalid-z', { where: `${where}.z`, got: z, path });
    const first = levels.get(z);
    if (first !== undefined) {
      throw layoutError('duplicate-z', { where: `${where}.z`, gotText: `${z}, already the z of ${first}`, path });
    }
    levels.set(z, where);
  }
  return [...flat.leaves].sort((a, b) => a.layer.z - b.layer.z);
}

function findBackground(sorted: readonly FlatLayer[], path: string | undefined): FlatLayer {
  const [background, second] = sorted.filter((leaf) => leaf.layer.kind === 'background');
  if (background === undefined) throw layoutError('missing-background', { where: 'layers', gotText: 'none', path });
  if (second !== undefined) {
    const gotText = `${JSON.stringify(background.layer.id)} and ${JSON.stringify(second.layer.id)}`;
    throw layoutError('duplicate-background', { where: `${second.where}.kind`, gotText, path });
  }
  const lowest = sorted[0];
  if (lowest !== undefined && lowest !== background) {
    const gotText = `z ${background.layer.z} above z ${lowest.layer.z} of ${JSON.stringify(lowest.layer.id)}`;
    throw layoutError('background-not-lowest', { where: `${background.where}.z`, gotText, path });
  }
  return background;
}

function checkBox(leaf: FlatLayer, window: CheckedDesign['window'], path: string | undefined): Box {
  const where = `${leaf.where}.box`;
  const box: unknown = leaf.layer.box;
  if (box === null || box === undefined) {
    if (leaf.layer.kind === 'background') return [0, 0, window.width, window.height];
    throw layoutError('missing-box', { where, gotText: `none for ${JSON.stringify(leaf.layer.id)}`, path });
  }
  if (!isIntegerBox(box)) throw layoutError('invalid-box', { where, got: box, path });
  if (box[2] <= box[0] || box[3] <= box[1]) throw layoutError('empty-box', { where, got: box, path });
  return box;
}

function isIntegerBox(value: unknown): value is Box {
  return Array.isArray(value) && value.length === 4 && value.every((side) => Number.isInteger(side));
}

/** The ids of the layers that the task generates. */
function findTargets(
  task: DesignTask | undefined,
  type: DesignTaskType | undefined,
  leaves: readonly FlatLayer[],
  path: string | undefined,
): ReadonlySet<string> {
  const ids = new Set(leaves.map((leaf) => leaf.layer.id));
  if (type === undefined) return new Set();
  const listed: unknown = task?.targets ?? [];
  if (!Array.isArray(listed) || !listed.every((id): id is string => typeof id === 'string')) {
    throw layoutError('invalid-targets', { where: 'task.targets', got: listed, path });
  }
  if (type === 't2l' || type === 'i2l') return ids;
  for (const [i, id] of listed.entries()) {
    if (!ids.has(id)) throw layoutError('unknown-target', { where: `task.targets[${i}]`, got: id, path });
  }
  const targets = new Set(listed);
  for (const leaf of leaves) if (leaf.layer.target === true) targets.add(leaf.layer.id);
  if (targets.size === 0) throw layoutError('no-targets', { where: 'task.targets', gotText: 'none', path });
  return targets;
}

/** Whether a picture is named. */
export function hasUri(picture: DesignLayer['source'] | { readonly uri?: string | undefined }): boolean {
  return isJsonObject(picture) && typeof picture.uri === 'string' && picture.uri !== '';
}

/** Whether the task leaves a layer out: in add and restyle a hidden layer that is neither target nor background. */
export function isHiddenFrom(task: DesignTaskType | undefined, layer: CheckedLayer): boolean {
  return (task === 'add' || task === 'restyle') && !layer.visible && !layer.isTarget && !layer.isBackground;
}

/**
 * Requires the pixels that the task works from: a reference for every restyle target, a source for every kept layer.
 *
 * @param layers the layers that take part
 * @throws LayoutError `missing-reference`, `missing-source`
 */
export function requirePictures(
  task: DesignTaskType | undefined,
  layers: readonly CheckedLayer[],
  path?: string,
): void {
  if (task === undefined) return;
  for (const { id, layer, isTarget, where } of layers) {
    if (isTarget) {
      if (task === 'restyle' && !hasUri(layer.reference)) {
        throw layoutError('missing-reference', {
          where: `${where}.reference`,
          gotText: `none for ${JSON.stringify(id)}`,
          path,
        });
      }
    } else if (!hasUri(layer.source)) {
      throw layoutError('missing-source', {
        where: `${where}.source`,
        gotText: `none for ${JSON.stringify(id)}`,
        path,
      });
    }
  }
}
