import { ShapeError } from '../errors.ts';
import type { DeviceFacts } from '../facts.ts';
import type { KernelPlan } from '../plan.ts';
import { requireSizes, resolveView, type RowView } from '../row-view.ts';
import { packUniform } from '../uniform.ts';
import { layUnits } from '../unit-grid.ts';
import { wgsl as patchify } from './patchify.wgsl.ts';
import { wgsl as unpatchify } from './unpatchify.wgsl.ts';

const OP = 'patchify';

/** A plane of latents, or a region of it, and the tokens that it folds into: 2 x 2 latents of all channels a token. */
export interface PatchifyOptions {
  /** `chw` = [channels, planeHeight, planeWidth]; `hwc` = [planeHeight, planeWidth, channels]. */
  readonly layout: 'chw' | 'hwc';
  readonly channels: number;
  /** Of the region, in latents; even. */
  readonly height: number;
  /** Of the region, in latents; even. */
  readonly width: number;
  /** The plane that holds the region; the region's own size where absent. */
  readonly plane?: {
    readonly height: number;
    readonly width: number;
    /** The region's first row and column in the plane. */
    readonly y: number;
    readonly x: number;
  };
  /** First element of the plane. */
  readonly latentOffset?: number;
  /** Of [height/2 * width/2, 4 * channels]; channel c at (dy, dx) is column 4c + 2dy + dx. */
  readonly tokens?: RowView;
}

/** Names of the variants: one. */
export function patchifyVariants(): readonly string[] {
  return ['elements'];
}

/**
 * Plans latents -> tokens. Bindings: latents, tokens; both f32. Bit for bit.
 *
 * @throws ShapeError if a size is not a positive whole number, a side is odd, or the region leaves its plane
 */
export function planPatchify(facts: DeviceFacts, options: PatchifyOptions): KernelPlan {
  return plan(facts, options, true);
}

/**
 * Plans tokens -> latents; latents outside of the region stay as they are. Bindings: tokens, latents; both f32.
 *
 * @throws ShapeError as planPatchify
 */
export function planUnpatchify(facts: DeviceFacts, options: PatchifyOptions): KernelPlan {
  return plan(facts, options, false);
}

function plan(facts: DeviceFacts, options: PatchifyOptions, isForward: boolean): KernelPlan {
  const { layout, channels, height, width, latentOffset = 0 } = options;
  const plane = options.plane ?? { height, width, y: 0, x: 0 };
  requireSizes(OP, { channels, height, width, 'plane.height': plane.height, 'plane.width': plane.width });
  requireSizes(OP, { 'plane.y + 1': plane.y + 1, 'plane.x + 1': plane.x + 1, 'latentOffset + 1': latentOffset + 1 });
  if (height % 2 !== 0 || width % 2 !== 0)
    throw new ShapeError(`${OP}: height and width must be even, got ${height} x ${width}.`);
  if (plane.y + height > plane.height || plane.x + width > plane.width)
    throw new ShapeError(
      `${OP}: a region of ${height} x ${width} at (${plane.y}, ${plane.x}) leaves its plane of ${plane.height} x ${plane.width}.`,
    );
  const isChw = layout === 'chw';
  const channelStride = isChw ? plane.height * plane.width : 1;
  const yStride = isChw ? plane.width : plane.width * channels;
  const xStride = isChw ? 1 : channels;
  const rows = (height / 2) * (width / 2);
  const columns = 4 * channels;
  const tokens = resolveView(OP, 'tokens', options.tokens, rows, columns);
  const latentEnd = latentOffset + channels * plane.height * plane.width;
  if (latentEnd > 0xffffffff)
    throw new ShapeError(`${OP}: latents end at element ${latentEnd}, past 32-bit addresses.`);
  const grid = layUnits(OP, facts, rows * columns, 'scalar');
  const latentBytes = latentEnd * 4;
  const tokenBytes = tokens.end * 4;
  return {
    op: isForward ? OP : 'unpatchify',
    variant: layout,
    sources: [...grid.sources, isForward ? patchify : unpatchify],
    constants: grid.constants,
    bindings: [
      { name: isForward ? 'latents' : 'tokens', access: 'read', byteLength: isForward ? latentBytes : tokenBytes },
      {
        name: isForward ? 'tokens' : 'latents',
        access: 'read_write',
        byteLength: isForward ? tokenBytes : latentBytes,
      },
    ],
    uniform: packUniform([
      { u32: rows },
      { u32: columns },
      { u32: width / 2 },
      { u32: latentOffset + plane.y * yStride + plane.x * xStride },
      { u32: channelStride },
      { u32: yStride },
      { u32: xStride },
      { u32: tokens.offset },
      { u32: tokens.stride },
    ]),
    workgroups: grid.workgroups,
    flops: 0,
    bytes: 2 * rows * columns * 4,
  };
}
