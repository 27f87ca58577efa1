/** A picture of one number a pixel, [height, width], top row first. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** The plane blurred by a triangle of standard deviation `sigma` pixels, two running means along each axis; zero beyond the border. */
export function blur(plane: Plane, sigma: number): Float32Array<ArrayBuffer> {
  const { width, height } = plane;
  // Two means over 2 r + 1 samples have the variance 2 r (r + 1) / 3: r follows from sigma.
  const radius = Math.max(1, Math.round((Math.sqrt(1 + 6 * sigma * sigma) - 1) / 2));
  let from = Float32Array.from(plane.data);
  let to = new Float32Array(from.length);
  for (let n = 0; n < 2; n++) {
    meanOfRows(from, to, width, height, radius);
    [from, to] = [to, from];
  }
  for (let n = 0; n < 2; n++) {
    meanOfColumns(from, to, width, height, radius);
    [from, to] = [to, from];
  }
  return from;
}

function meanOfRows(from: Float32Array, to: Float32Array, width: number, height: number, radius: number): void {
  const scale = 1 / (2 * radius + 1);
  for (let y = 0; y < height; y++) {
    const [start, end] = [y * width, (y + 1) * width];
    let sum = 0;
    for (let i = start; i < Math.min(start + radius, end); i++) sum += from[i];
    for (let i = start; i < end; i++) {
      if (i + radius < end) sum += from[i + radius];
      if (i - radius > start) sum -= from[i - radius - 1];
      to[i] = sum * scale;
    }
  }
}

/** Row by row with a sum for each column, so that memory is read in order. */
function meanOfColumns(from: Float32Array, to: Float32Array, width: number, height: number, radius: number): void {
  const scale = 1 / (2 * radius + 1);
  const sums = new Float64Array(width);
  for (let i = 0; i < Math.min(radius, height) * width; i++) sums[i % width] += from[i];
  for (let y = 0; y < height; y++) {
    const at = y * width;
    const entering = y + radius < height ? at + radius * width : -1;
    const leaving = y > radius ? at - (radius + 1) * width : -1;
    for (let x = 0; x < width; x++) {
      let sum = sums[x];
      if (entering >= 0) sum += from[entering + x];
      if (leaving >= 0) sum -= from[leaving + x];
      sums[x] = sum;
      to[at + x] = sum * scale;
    }
  }
}

/** Smallest and largest value within `radius` pixels along both axes; what lies beyond the border does not count. */
export function localExtremes(plane: Plane, radius: number): Record<'low' | 'high', Float32Array> {
  const { width, height, data } = plane;
  const low = new Float32Array(data.length);
  const high = new Float32Array(data.length);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = y * width;
      let [least, most] = [data[at + x], data[at + x]];
      const end = Math.min(width - 1, x + radius);
      for (let i = Math.max(0, x - radius); i <= end; i++) {
        const value = data[at + i];
        if (value < least) least = value;
        if (value > most) most = value;
      }
      low[at + x] = least;
      high[at + x] = most;
    }
  const out = { low: new Float32Array(data.length), high: new Float32Array(data.length) };
  for (let y = 0; y < height; y++) {
    const [first, last] = [Math.max(0, y - radius), Math.min(height - 1, y + radius)];
    for (let x = 0; x < width; x++) {
      let [least, most] = [low[y * width + x], high[y * width + x]];
      for (let i = first * width + x; i <= last * width + x; i += width) {
        if (low[i] < least) least = low[i];
        if (high[i] > most) most = high[i];
      }
      out.low[y * width + x] = least;
      out.high[y * width + x] = most;
    }
  }
  return out;
}
