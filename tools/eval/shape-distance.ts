/*
 * Signed distances of the shapes that captions name, negative inside, on a shape centred at the origin with half sizes
 * a and b; y points down. The formulas are those that draw the designs (`tools/train/shapes.py`): this file exists so
 * that a drawn layer can be compared with what its caption names, without Python.
 */

/** Distance of a point from a shape's outline. */
type Distance = (x: number, y: number, a: number, b: number) => number;

const box = (x: number, y: number, a: number, b: number, radius: number): number => {
  const qx = Math.abs(x) - (a - radius);
  const qy = Math.abs(y) - (b - radius);
  return Math.hypot(Math.max(qx, 0), Math.max(qy, 0)) + Math.min(Math.max(qx, qy), 0) - radius;
};

/** Distance to a closed polygon (I. Quilez, "2D distance functions": exact, sign by crossings). */
function polygon(x: number, y: number, points: readonly (readonly [number, number])[]): number {
  let nearest = Infinity;
  let sign = 1;
  for (let i = 0; i < points.length; i++) {
    const [px, py] = points[i];
    const [qx, qy] = points[(i + points.length - 1) % points.length];
    const [ex, ey, wx, wy] = [qx - px, qy - py, x - px, y - py];
    const t = Math.min(1, Math.max(0, (wx * ex + wy * ey) / (ex * ex + ey * ey)));
    nearest = Math.min(nearest, (wx - ex * t) ** 2 + (wy - ey * t) ** 2);
    const [above, below, left] = [y >= py, y < qy, ex * wy > ey * wx];
    if (above === below && below === left) sign = -sign;
  }
  return sign * Math.sqrt(nearest);
}

function corners(count: number, at: (index: number) => readonly [number, number]): (readonly [number, number])[] {
  return Array.from({ length: count }, (_, i) => at(i));
}

const hexagon: Distance = (x, y, a, b) => {
  const r = Math.min(a, b);
  const points = corners(6, (i) => [0.95 * r * Math.sin((Math.PI * i) / 3), -0.95 * r * Math.cos((Math.PI * i) / 3)]);
  return polygon(x, y, points) - 0.05 * r;
};

const star: Distance = (x, y, a, b) => {
  const r = Math.min(a, b);
  const points = corners(10, (i) => {
    const size = (i % 2 === 0 ? 0.93 : 0.47) * r;
    return [size * Math.sin((Math.PI * i) / 5), -size * Math.cos((Math.PI * i) / 5) + 0.04 * r];
  });
  return polygon(x, y, points) - 0.06 * r;
};

const triangle: Distance = (x, y, a, b) => {
  const r = 0.12 * Math.min(a, b);
  const points = [
    [0, -b + 1.6 * r],
    [a - 1.5 * r, b - r],
    [-a + 1.5 * r, b - r],
  ] as const;
  return polygon(x, y, points) - r;
};

const heart: Distance = (x, y, a, b) => {
  const r = Math.min(a, b);
  const px = Math.abs(x) / (1.72 * r);
  const py = (0.88 * r - y) / (1.72 * r);
  if (py + px > 1) return (Math.hypot(px - 0.25, py - 0.75) - Math.SQRT2 / 4) * 1.72 * r;
  const m = 0.5 * Math.max(px + py, 0);
  const lower = Math.sqrt(Math.min(px ** 2 + (py - 1) ** 2, (px - m) ** 2 + (py - m) ** 2)) * Math.sign(px - py);
  return lower * 1.72 * r;
};

const flower: Distance = (x, y, a, b) => {
  const r = Math.min(a, b);
  let nearest = Math.hypot(x, y);
  for (let k = 0; k < 5; k++) {
    const turn = (2 * Math.PI * k) / 5;
    nearest = Math.min(nearest, Math.hypot(x - 0.56 * r * Math.sin(turn), y + 0.56 * r * Math.cos(turn)));
  }
  return nearest - 0.42 * r;
};

const moon: Distance = (x, y, a, b) => {
  const r = Math.min(a, b);
  return Math.max(Math.hypot(x + 0.1 * r, y) - 0.98 * r, 0.8 * r - Math.hypot(x - 0.52 * r, y + 0.18 * r));
};

const arch: Distance = (x, y, a, b) => {
  if (b <= a) return box(x, y, a, b, 0.1 * b);
  const centre = -b + a;
  const body = box(x, y - (centre + b) / 2, a, (b - centre) / 2, 0);
  return Math.min(Math.hypot(x, y - centre) - a, body);
};

/** Every shape word with its distance. */
export const SHAPE_DISTANCES = {
  circle: (x, y, a, b) => Math.hypot(x, y) - Math.min(a, b),
  square: (x, y, a, b) => {
    const s = Math.min(a, b);
    return box(x, y, s, s, 0.12 * s);
  },
  rectangle: (x, y, a, b) => box(x, y, a, b, 0.1 * Math.min(a, b)),
  pill: (x, y, a, b) => box(x, y, a, b, Math.min(a, b)),
  ring: (x, y, a, b) => {
    const r = Math.min(a, b);
    return Math.abs(Math.hypot(x, y) - 0.74 * r) - 0.26 * r;
  },
  triangle,
  star,
  hexagon,
  diamond: (x, y, a, b) =>
    polygon(x, y, [
      [0, -b],
      [a, 0],
      [0, b],
      [-a, 0],
    ]),
  cross: (x, y, a, b) => {
    const r = Math.min(a, b);
    return Math.min(box(x, y, r, 0.36 * r, 0.08 * r), box(x, y, 0.36 * r, r, 0.08 * r));
  },
  heart,
  flower,
  moon,
  arch,
} as const satisfies Readonly<Record<string, Distance>>;

/** A shape word. */
export type ShapeName = keyof typeof SHAPE_DISTANCES;

/** All shape words. */
export const SHAPE_NAMES = Object.keys(SHAPE_DISTANCES) as ShapeName[];
