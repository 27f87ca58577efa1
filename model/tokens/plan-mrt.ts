import { checkDesign, checkTask, checkWindow, isHiddenFrom, requirePictures } from '../layout/check-design.ts';
import type { CheckedDesign, CheckedLayer } from '../layout/check-design.ts';
import type { Box, DesignTaskType, LayeredDesign } from '../layout/design-schema.ts';
import { intersectBoxes, liesWithin, overflowLimits, roundInward } from '../layout/overflow.ts';
import { layoutError } from '../layout/rules.ts';
import type { MrtManifest } from '../manifest/manifest-schema.ts';
import { hullOf, quantizeBox, rectPixels, sideTokens } from './grid.ts';
import type { GridWindow } from './grid.ts';
import { centreOf, layOutTokens } from './token-plan.ts';
import type { GridRect, PlanLayer, RegionDraft, RegionSlot, TokenPlan, TokenRole } from './token-plan.ts';

/** A layer that takes part, on its way into the plan. */
interface PlannedLayer {
  readonly layer: CheckedLayer;
  readonly box: Box;
  readonly rect: GridRect;
}

/**
 * Plans the tokens of a regional job: text to layers, image to layers, layer addition or layer restylization
 * (MRT, arXiv 2605.27235 section 3.2; exact form in golden/kinds-mrt.md section 3).
 *
 * @param design a document with a task; it need not be validated before
 * @param manifest the checkpoint's manifest in force
 * @param path the document's file, for messages
 * @throws LayoutError with the broken rule; the first in the order of that page
 */
export function planMrt(design: LayeredDesign, manifest: MrtManifest, path?: string): TokenPlan {
  const task = checkTask(design.task, path);
  if (task === undefined) throw layoutError('unknown-task', { where: 'task', got: undefined, path });
  const window = planWindow(checkWindow(design.canvas, path), manifest, path);
  const checked = checkDesign(design, path);

  const skipped: { id: string; reason: 'hidden' | 'outside-window' }[] = [];
  const kept: { layer: CheckedLayer; box: Box }[] = [];
  for (const layer of checked.layers) {
    if (isHiddenFrom(task, layer)) {
      skipped.push({ id: layer.id, reason: 'hidden' });
      continue;
    }
    const box = task === 'i2l' && manifest.i2lOutside === 'clip' ? cutToWindow(layer, checked.window) : layer.box;
    if (box === undefined) skipped.push({ id: layer.id, reason: 'outside-window' });
    else kept.push({ layer, box });
  }
  requirePictures(task, kept.map(({ layer }) => layer), path); // prettier-ignore
  const numForeground = kept.length - 1;
  if (numForeground > manifest.maxLayers) {
    throw layoutError('too-many-layers', {
      where: 'layers',
      gotText: `${numForeground} where ${manifest.maxLayers} are allowed`,
      path,
    });
  }
  const planned = kept.map(({ layer, box }): PlannedLayer => {
    const capped = capBox(layer, box, checked, manifest, path);
    return { layer, box: capped, rect: quantizeBox(capped, window) };
  });

  const windowRect: GridRect = { gx0: 0, gy0: 0, gw: window.gw, gh: window.gh };
  const canvas = hullOf([windowRect, ...planned.map(({ rect }) => rect)]);
  const composed =
    manifest.composedExtent[task === 'add' || task === 'restyle' ? 'l2l' : task] === 'canvas' ? canvas : windowRect;
  const drafts = draftRegions(task, planned, composed, manifest, originOf(manifest.rope.origin, window, canvas));
  const table = layOutTokens(manifest.regionOrder.flatMap((slot) => drafts[slot]));

  return {
    task,
    window,
    canvas,
    ...table,
    modulationRowCount: manifest.cleanTimestep === 'zero' ? 2 : 1,
    textStart: textStartOf(manifest.rope.textStart, window, canvas, numForeground, table.positions),
    quantizedBoxes: new Map(planned.map(({ layer, rect }) => [layer.id, rectPixels(rect)])),
    skipped,
    layers: planned.map(describeLayer),
  };
}

function describeLayer({ layer, box }: PlannedLayer): PlanLayer {
  const { id, isBackground, isTarget, z, visible, opacity } = layer;
  return { id, isBackground, isTarget, z, requestedBox: layer.box, box, visible, opacity };
}

function planWindow(asked: CheckedDesign['window'], manifest: MrtManifest, path: string | undefined): GridWindow {
  const { width, height } = asked;
  const multiple = manifest.windowMultiple;
  if (manifest.windowPolicy === 'reject' && (width % multiple !== 0 || height % multiple !== 0)) {
    const gw = sideTokens(width, multiple);
    const gh = sideTokens(height, multiple);
    const gotText = `${width} x ${height}, and this checkpoint takes multiples of ${multiple} only; nearest: ${16 * gw} x ${16 * gh}`;
    throw layoutError('invalid-window', { where: 'canvas', gotText, path });
  }
  return { width, height, gw: sideTokens(width, multiple), gh: sideTokens(height, multiple) };
}

/** In i2l no pixel beyond the window is known: boxes are cut to it, and a layer with nothing left goes; never the background. */
function cutToWindow(layer: CheckedLayer, window: CheckedDesign['window']): Box | undefined {
  const whole: Box = [0, 0, window.width, window.height];
  return intersectBoxes(layer.box, whole) ?? (layer.isBackground ? whole : undefined);
}

function capBox(
  layer: CheckedLayer,
  box: Box,
  checked: CheckedDesign,
  manifest: MrtManifest,
  path: string | undefined,
): Box {
  const limits = overflowLimits(checked.window, checked.maxRatio ?? manifest.overflow.maxRatio);
  if (liesWithin(box, limits)) return box;
  const cut = manifest.overflow.policy === 'clip' ? intersectBoxes(box, roundInward(limits)) : undefined;
  if (cut !== undefined) return cut;
  const gotText = `[${box.join(', ')}] where [${limits.join(', ')}] is allowed`;
  throw layoutError('overflow-cap', { where: `${layer.where}.box`, gotText, path });
}

interface Origin {
  readonly originY: number;
  readonly originX: number;
}

/** Grid coordinates that rotary positions are counted from. */
function originOf(rule: MrtManifest['rope']['origin'], window: GridWindow, canvas: GridRect): Origin {
  switch (rule) {
    case 'windowCenter':
      return { originY: centreOf(window.gh), originX: centreOf(window.gw) };
    case 'canvasCenter':
      return { originY: canvas.gy0 + centreOf(canvas.gh), originX: canvas.gx0 + centreOf(canvas.gw) };
    case 'windowTopLeft':
      return { originY: 0, originX: 0 };
  }
}

/** The regions of every slot, in the order they have inside the slot. */
function draftRegions(
  task: DesignTaskType,
  planned: readonly PlannedLayer[],
  composed: GridRect,
  manifest: MrtManifest,
  origin: Origin,
): Readonly<Record<Exclude<RegionSlot, 'image'>, readonly RegionDraft[]>> {
  const { layers: ropeLayers, condLayer } = manifest.rope;
  const cleanRow = manifest.cleanTimestep === 'zero' ? 1 : 0;
  const draft = (
    slot: RegionSlot,
    role: TokenRole,
    layerId: string | null,
    ropeLayer: number,
    rect: GridRect,
  ): RegionDraft => {
    return { slot, role, layerId, ropeLayer, ...rect, ...origin, modulationRow: role === 'noise' ? 0 : cleanRow };
  };
  const layers = planned.map(({ layer, rect }, i) => {
    const slot = layer.isBackground ? 'background' : 'foreground';
    const ropeLayer = layer.isBackground ? ropeLayers.background : ropeLayers.foreground + i - 1;
    return draft(slot, layer.isTarget ? 'noise' : 'clean', layer.id, ropeLayer, rect);
  });
  const targets = task === 'restyle' ? layers.filter(({ role }) => role === 'noise') : [];
  return {
    composed: [draft('composed', task === 't2l' ? 'noise' : 'clean', null, ropeLayers.composed, composed)],
    background: layers.slice(0, 1),
    foreground: layers.slice(1),
    // A cond token copies the position of its target's token, so the network can lay the asset over the slot.
    condition: targets.map(({ layerId, ropeLayer, gx0, gy0, gw, gh }) =>
      draft('condition', 'cond', layerId, condLayer === 'target' ? ropeLayer : condLayer, { gx0, gy0, gw, gh }),
    ),
  };
}

function textStartOf(
  rule: MrtManifest['rope']['textStart'],
  window: GridWindow,
  canvas: GridRect,
  numForeground: number,
  positions: Int32Array,
): number {
  if (typeof rule === 'number') return rule;
  switch (rule) {
    case 'canvasHalf':
      return Math.max(Math.floor(canvas.gh / 2), Math.floor(canvas.gw / 2), numForeground + 2);
    case 'windowHalf':
      return Math.max(Math.floor(window.gh / 2), Math.floor(window.gw / 2), numForeground + 2);
    case 'maxPosition':
      return 1 + positions.reduce((largest, position) => Math.max(largest, position), -Infinity);
  }
}
