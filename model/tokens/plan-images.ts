import { ShapeError } from '../../runtime/errors.ts';
import { TOKEN_SIDE, hullOf } from './grid.ts';
import { centreOf, layOutTokens } from './token-plan.ts';
import type { RegionDraft, RegionSlot, TokenPlan } from './token-plan.ts';

/** Size of a picture in tokens (16 px). */
export interface GridSize {
  readonly gh: number;
  readonly gw: number;
}

/** Frames, rows and columns of a picture, in tokens: an entry of the reference's `img_shapes`. */
export type ImageShape = readonly [frames: number, gh: number, gw: number];

/** How a list of pictures is planned. */
export interface ImagePlanOptions {
  /**
   * `base` (default): picture i of the list has frame positions i, i+1, ... `layer3d`: the same, but every token of the
   * LAST picture has frame position -1, and text starts no earlier than the number of pictures before it.
   */
  readonly variant?: 'base' | 'layer3d';
  /** Tokens of all pictures after the first are modulated at t = 0 (Qwen-Image-Edit-2511). Default false. */
  readonly zeroCondT?: boolean;
  /** How many pictures at the head of the list are generated; the others are clean. Default 1, in `layer3d` all but the last (at least 1). */
  readonly numPredicted?: number;
  /** Names the task in the plan. Default `images`. */
  readonly task?: TokenPlan['task'];
  /** Slot and layer id by picture. Default: generated ones `image`, others `condition`, no ids. */
  readonly describe?: (image: number) => { readonly slot: RegionSlot; readonly layerId: string | null };
}

/**
 * Plans any list of pictures the way the stock Qwen-Image family lays them out: one behind the other, each row-major
 * and centred on its own middle (Qwen-Image technical report; diffusers `QwenEmbedRope` and `QwenEmbedLayer3DRope`).
 *
 * @param imgShapes at least one picture, sizes in tokens
 * @throws ShapeError for an empty list, sizes that are no positive integers, or `numPredicted` beyond the list
 */
export function planImages(imgShapes: readonly ImageShape[], options: ImagePlanOptions = {}): TokenPlan {
  const { variant = 'base', zeroCondT = false, task = 'images' } = options;
  const last = imgShapes.length - 1;
  const numPredicted = options.numPredicted ?? (variant === 'layer3d' ? Math.max(1, last) : 1);
  checkShapes(imgShapes, numPredicted);

  const drafts: RegionDraft[] = [];
  for (const [image, [frames, gh, gw]] of imgShapes.entries()) {
    const isGenerated = image < numPredicted;
    const names = options.describe?.(image) ?? {
      slot: isGenerated ? ('image' as const) : ('condition' as const),
      layerId: null,
    };
    for (let frame = 0; frame < frames; frame++) {
      drafts.push({
        ...names,
        role: isGenerated ? 'noise' : 'clean',
        ropeLayer: variant === 'layer3d' && image === last ? -1 : image + frame,
        gx0: 0,
        gy0: 0,
        gw,
        gh,
        originY: centreOf(gh),
        originX: centreOf(gw),
        modulationRow: zeroCondT && image > 0 ? 1 : 0,
      });
    }
  }
  let textStart = variant === 'layer3d' ? last : 0;
  for (const [, gh, gw] of imgShapes) textStart = Math.max(textStart, Math.floor(gh / 2), Math.floor(gw / 2));

  const [, gh, gw] = imgShapes[0];
  return {
    task,
    window: { width: TOKEN_SIDE * gw, height: TOKEN_SIDE * gh, gw, gh },
    canvas: hullOf(drafts),
    ...layOutTokens(drafts),
    modulationRowCount: zeroCondT ? 2 : 1,
    textStart,
    quantizedBoxes: new Map(),
    skipped: [],
    layers: [],
  };
}

/**
 * Plans one picture from text (Qwen-Image).
 *
 * @param size in tokens; pixels / 16
 * @param options of the checkpoint. With `zeroCondT` and one picture no token is clean, the table still has its row for zero;
 * with `layer3d` the only picture is the last one, at frame -1, as in the reference
 * @throws ShapeError as {@link planImages}
 */
export function planTextToImage(
  size: GridSize,
  options: Pick<ImagePlanOptions, 'zeroCondT' | 'variant'> = {},
): TokenPlan {
  return planImages([[1, size.gh, size.gw]], { ...options, task: 'text-to-image' });
}

/**
 * Plans an edit: the target, then the reference pictures, clean (Qwen-Image-Edit, Edit-2509; with `zeroCondT` Edit-2511).
 *
 * @throws ShapeError as {@link planImages}
 */
export function planEdit(
  sizes: { readonly target: GridSize; readonly references: readonly GridSize[] },
  options: Pick<ImagePlanOptions, 'zeroCondT'> = {},
): TokenPlan {
  const shapes = [sizes.target, ...sizes.references].map(({ gh, gw }): ImageShape => [1, gh, gw]);
  return planImages(shapes, { ...options, task: 'edit' });
}

/**
 * Plans Qwen-Image-Layered: the regenerated composite (slot `composed`, frame 0), `layers` full-window layers bottom
 * first (ids `layer-1`, ...), and the clean condition picture at frame -1.
 *
 * @param sizes window in tokens; `condition` is the picture's own size, default the window's
 * @param options of the checkpoint, as the reference takes them: `variant` default `layer3d`; `zeroCondT` modulates every
 * frame after the first at t = 0 (no released checkpoint has it)
 * @throws ShapeError as {@link planImages}
 */
export function planLayered(
  sizes: GridSize & { readonly layers: number; readonly condition?: GridSize },
  options: Pick<ImagePlanOptions, 'zeroCondT' | 'variant'> = {},
): TokenPlan {
  const { layers, gh, gw, condition = { gh, gw } } = sizes;
  if (!Number.isInteger(layers) || layers < 1)
    throw new ShapeError(`plan_layered: layers is a positive integer, got ${layers}. Ask for at least one.`);
  const shapes: ImageShape[] = [];
  for (let frame = 0; frame <= layers; frame++) shapes.push([1, gh, gw]);
  shapes.push([1, condition.gh, condition.gw]);
  return planImages(shapes, {
    variant: 'layer3d',
    ...options,
    numPredicted: layers + 1,
    task: 'layered',
    describe: (image) => {
      if (image === 0) return { slot: 'composed', layerId: null };
      return image <= layers ? { slot: 'foreground', layerId: `layer-${image}` } : { slot: 'condition', layerId: null };
    },
  });
}

/** Positions are kept in signed tables of 4096 each side by the reference; a side beyond 8192 tokens is a mistake. */
const MAX_GRID_SIDE = 8192;

function checkShapes(imgShapes: readonly ImageShape[], numPredicted: number): void {
  if (imgShapes.length === 0)
    throw new ShapeError('plan_images: img_shapes must list a picture, got none. Give [[frames, gh, gw], ...].');
  for (const [i, shape] of imgShapes.entries()) {
    if (shape.length !== 3 || shape.some((side) => !Number.isInteger(side) || side < 1 || side > MAX_GRID_SIDE)) {
      throw new ShapeError(
        `plan_images: a picture is [frames, gh, gw] in tokens, integers from 1 to ${MAX_GRID_SIDE}, got [${shape.join(', ')}] (img_shapes[${i}]). Divide pixels by ${TOKEN_SIDE}.`,
      );
    }
  }
  if (!Number.isInteger(numPredicted) || numPredicted < 1 || numPredicted > imgShapes.length) {
    throw new ShapeError(
      `plan_images: numPredicted must be 1..${imgShapes.length} (pictures in the list), got ${numPredicted}. Generate the first ones.`,
    );
  }
}
