import { UsageError } from '../../runtime/errors.ts';
import type { Box, DesignLayer, DesignNode, LayeredDesign } from '../layout/design-schema.ts';
import { flattenLayers } from '../layout/flatten.ts';

/** The design as a text-to-layers task; `prompt` takes the place of its global prompt. */
export function toGenerate(design: LayeredDesign, prompt?: string): LayeredDesign {
  return { ...withPrompt(design, prompt), task: { type: 't2l' } };
}

/** The design as an image-to-layers task on the picture at `imageUri`. */
export function toDecompose(design: LayeredDesign, imageUri: string, prompt?: string): LayeredDesign {
  return { ...withPrompt(design, prompt), task: { type: 'i2l', image: { uri: imageUri } } };
}

/** A layer that a task adds. */
export interface AddedLayer {
  readonly id?: string;
  readonly box: Box;
  readonly caption: string;
}

/** The design as a layer-addition task: new layers on top of the stack, and existing ones (by id) made anew. */
export function toAdd(
  design: LayeredDesign,
  added: readonly AddedLayer[],
  existing: readonly string[] = [],
): LayeredDesign {
  const leaves = flattenLayers(design.layers).leaves.map(({ layer }) => layer);
  const ids = new Set(flattenLayers(design.layers).nodes.map(({ id }) => id));
  let z = Math.max(0, ...leaves.map((leaf) => leaf.z));
  const layers: DesignLayer[] = added.map(({ id, box, caption }, index) => {
    const name = id ?? freshId(ids, index);
    if (id !== undefined && ids.has(id)) throw new UsageError(`add: the design already has a layer "${id}".`);
    ids.add(name);
    return { id: name, kind: 'image', z: ++z, box: [...box] as [number, number, number, number], caption };
  });
  requireLeaves('add', leaves, existing);
  const targets = [...existing, ...layers.map((layer) => layer.id)];
  if (targets.length === 0)
    throw new UsageError('add: needs a layer to add (a box and a caption) or one to make anew.');
  return { ...design, layers: [...design.layers, ...layers], task: { type: 'add', targets } };
}

function freshId(taken: ReadonlySet<unknown>, index: number): string {
  for (let i = index + 1; ; i++) if (!taken.has(`added-${i}`)) return `added-${i}`;
}

/**
 * The design as a restyle task: each named layer is redrawn in the design's style.
 *
 * @param references picture of each layer to be restyled; its own source where absent
 */
export function toRestyle(
  design: LayeredDesign,
  targets: readonly string[],
  references: ReadonlyMap<string, string>,
  instruction?: string,
): LayeredDesign {
  const leaves = flattenLayers(design.layers).leaves.map(({ layer }) => layer);
  requireLeaves('restyle', leaves, targets);
  if (targets.length === 0) throw new UsageError('restyle: needs at least one layer.');
  const wanted = new Set(targets);
  const mark = (node: DesignNode): DesignNode => {
    if (node.kind === 'group') return { ...node, children: node.children.map(mark) };
    if (!wanted.has(node.id)) return node;
    const uri = references.get(node.id) ?? node.reference?.uri ?? node.source?.uri;
    if (uri === undefined)
      throw new UsageError(`restyle: layer "${node.id}" has no picture of its own, so it needs a reference.`);
    return { ...node, reference: { uri } };
  };
  return {
    ...design,
    layers: design.layers.map(mark),
    task: { type: 'restyle', targets: [...targets], ...(instruction !== undefined ? { instruction } : {}) },
  };
}

function requireLeaves(task: string, leaves: readonly DesignLayer[], ids: readonly string[]): void {
  for (const id of ids)
    if (!leaves.some((leaf) => leaf.id === id))
      throw new UsageError(
        `${task}: the design has no layer "${id}". It has: ${leaves.map((leaf) => leaf.id).join(', ')}.`,
      );
}

function withPrompt(design: LayeredDesign, prompt: string | undefined): LayeredDesign {
  return prompt === undefined ? design : { ...design, prompt: { ...design.prompt, global: prompt } };
}
