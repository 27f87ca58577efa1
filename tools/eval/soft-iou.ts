import { ShapeError } from '../../runtime/errors.ts';

/** Sums of a soft intersection and a soft union. */
export interface SoftOverlap {
  readonly intersection: number;
  readonly union: number;
}

/**
 * Soft overlap of two alphas in 0..1: sum of the smaller and sum of the larger (LayerD's measure).
 *
 * @param mask 0 or 1 for each pixel; all pixels where absent
 * @throws ShapeError if the lengths disagree
 */
export function softOverlap(p: Float32Array, g: Float32Array, mask?: Uint8Array): SoftOverlap {
  if (p.length !== g.length || (mask && mask.length !== p.length))
    throw new ShapeError(
      `soft_iou: alphas and mask must be alike, got ${p.length}, ${g.length} and ${mask?.length ?? 'no mask'}.`,
    );
  let intersection = 0;
  let union = 0;
  for (let i = 0; i < p.length; i++) {
    if (mask && mask[i] === 0) continue;
    intersection += Math.min(p[i], g[i]);
    union += Math.max(p[i], g[i]);
  }
  return { intersection, union };
}

/** Intersection over union; 1 where both are empty. */
export function softIou({ intersection, union }: SoftOverlap): number {
  return union === 0 ? 1 : intersection / union;
}
