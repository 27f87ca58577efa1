/** A picture in host memory: [channels, height, width], planar. */
export interface Planes {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** Planes of zeros. */
export function blank(channels: number, height: number, width: number): Planes {
  return { channels, height, width, data: new Float32Array(channels * height * width) };
}

/**
 * The part of at most height x width whose corner is (y, x); what lies beyond the border is cut off. All of it is the
 * picture itself, not a copy.
 */
export function crop(planes: Planes, y: number, x: number, height: number, width: number): Planes {
  if (y === 0 && x === 0 && height >= planes.height && width >= planes.width) return planes;
  const part = blank(planes.channels, Math.min(height, planes.height - y), Math.min(width, planes.width - x));
  for (let c = 0; c < part.channels; c++)
    for (let row = 0; row < part.height; row++) {
      const start = (c * planes.height + y + row) * planes.width + x;
      part.data.set(planes.data.subarray(start, start + part.width), (c * part.height + row) * part.width);
    }
  return part;
}
