import { planPatchify, planUnpatchify, type PatchifyOptions } from '../../kernels/patchify/patchify.ts';
import { ShapeError } from '../errors.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/** A part of a latent plane, in latents; sides are even. */
export interface LatentRegion {
  readonly y: number;
  readonly x: number;
  readonly height: number;
  readonly width: number;
}

/** Operands of patchify and unpatchify. */
export interface PatchifyArgs {
  /** f32 [C, H, W] or [H, W, C], by `layout`. */
  readonly latents: Value;
  readonly layout: PatchifyOptions['layout'];
  /** The whole plane where absent. */
  readonly region?: LatentRegion;
}

/**
 * Folds 2 x 2 latents into tokens: -> f32 [h/2 * w/2, 4C] of the region, token column 4c + 2dy + dx.
 *
 * @throws ShapeError if a side is odd or the region leaves its plane
 */
export function patchify(builder: ProgramBuilder, args: PatchifyArgs & { tokens?: Value }): Value {
  const { options, shape } = prepare('patchify', args);
  const tokens = args.tokens ?? builder.temp('f32', shape, 'patchify');
  requireShape('patchify', 'tokens', tokens, shape);
  builder.dispatch(planPatchify(builder.facts, { ...options, tokens: viewOf(tokens) }), [args.latents, tokens]);
  return tokens;
}

/**
 * The inverse: writes tokens f32 [h/2 * w/2, 4C] into the region of `latents`; latents outside of it stay as they are.
 *
 * @throws ShapeError if a side is odd or the region leaves its plane
 */
export function unpatchify(builder: ProgramBuilder, args: PatchifyArgs & { tokens: Value }): void {
  const { options, shape } = prepare('unpatchify', args);
  requireDType('unpatchify', 'tokens', args.tokens, 'f32');
  requireShape('unpatchify', 'tokens', args.tokens, shape);
  const plan = planUnpatchify(builder.facts, { ...options, tokens: viewOf(args.tokens) });
  builder.dispatch(plan, [args.tokens, args.latents]);
}

function prepare(op: string, { latents, layout, region }: PatchifyArgs): { options: PatchifyOptions; shape: number[] } {
  requireDType(op, 'latents', latents, 'f32');
  requireShape(op, 'latents', latents, [-1, -1, -1]);
  if (latents.stride !== undefined)
    throw new ShapeError(`${op}: latents must be whole planes, got a window of columns.`);
  const [a, b, c] = latents.shape;
  const [channels, planeHeight, planeWidth] = layout === 'chw' ? [a, b, c] : [c, a, b];
  const { y, x, height, width } = region ?? { y: 0, x: 0, height: planeHeight, width: planeWidth };
  return {
    options: {
      layout,
      channels,
      height,
      width,
      plane: { height: planeHeight, width: planeWidth, y, x },
      latentOffset: latents.offset,
    },
    shape: [(height / 2) * (width / 2), 4 * channels],
  };
}
