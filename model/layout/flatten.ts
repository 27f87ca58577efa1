import type { DesignLayer, DesignNode } from './design-schema.ts';
import { isJsonObject } from './json.ts';
import { layoutError } from './rules.ts';

/** Groups may hold groups this deep. */
export const MAX_GROUP_DEPTH = 32;

/** A layer without its groups. */
export interface FlatLayer {
  readonly layer: DesignLayer;
  /** Place in the document, e.g. `layers[1].children[0]`. */
  readonly where: string;
  /** Shown: its own `visible` and that of every group around it. */
  readonly visible: boolean;
  /** Its own opacity times that of every group around it, 0..1. */
  readonly opacity: number;
}

/** A document's layers without groups, and everything that has an id. */
export interface FlatDesign {
  /** In document order, which means nothing; `z` orders them. */
  readonly leaves: readonly FlatLayer[];
  /** Layers and groups. */
  readonly nodes: readonly { readonly id: unknown; readonly where: string }[];
}

interface Level {
  readonly items: readonly DesignNode[];
  next: number;
  readonly where: string;
  readonly visible: boolean;
  readonly opacity: number;
}

/**
 * Replaces groups by their leaves, at any depth, without recursion. A group's own z and box mean nothing.
 *
 * @param layers `design.layers`; not trusted to be validated
 * @param path the file, for messages
 * @throws LayoutError `invalid-layers`, `invalid-layer`, `invalid-group`, `too-deep`
 */
export function flattenLayers(layers: readonly DesignNode[], path?: string): FlatDesign {
  if (!isArray(layers)) throw layoutError('invalid-layers', { where: 'layers', got: layers, path });
  const leaves: FlatLayer[] = [];
  const nodes: { id: unknown; where: string }[] = [];
  const open: Level[] = [{ items: layers, next: 0, where: 'layers', visible: true, opacity: 1 }];
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    const node: DesignNode | undefined = level.items[level.next];
    if (level.next >= level.items.length) {
      open.pop();
      continue;
    }
    const where = `${level.where}[${level.next}]`;
    level.next++;
    if (!isJsonObject(node)) throw layoutError('invalid-layer', { where, got: node, path });
    nodes.push({ id: node.id, where });
    const visible = level.visible && node.visible !== false;
    const opacity = level.opacity * (node.opacity ?? 1);
    if (node.kind !== 'group') {
      leaves.push({ layer: node, where, visible, opacity });
      continue;
    }
    if (!isArray(node.children)) throw layoutError('invalid-group', { where, got: node.children, path });
    if (open.length > MAX_GROUP_DEPTH)
      throw layoutError('too-deep', { where, gotText: `more than ${MAX_GROUP_DEPTH} groups`, path });
    open.push({ items: node.children, next: 0, where: `${where}.children`, visible, opacity });
  }
  return { leaves, nodes };
}

/** `Array.isArray` that does not widen a typed array of nodes to any. */
function isArray(value: unknown): boolean {
  return Array.isArray(value);
}
