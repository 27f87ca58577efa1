// node tools/examples/draw-poster.mjs [SCALE]: draws examples/poster/poster.png and its layout.json anew.
//
// The poster is made of five layers, each a signed distance in px (negative inside) filled with a colour, so it is the
// same on every machine and at every scale. The layout's boxes are the drawn boxes, as a designer would give them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encode } from 'fast-png';

const WIDTH = 96;
const HEIGHT = 128;

const clamp = (value) => Math.min(1, Math.max(0, value));
const mix = (a, b, t) => a.map((value, i) => value + (b[i] - value) * t);

/** Distance to a line from (ax, ay) to (bx, by). */
function segment(x, y, ax, ay, bx, by) {
  const t = clamp(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2));
  return Math.hypot(x - ax - (bx - ax) * t, y - ay - (by - ay) * t);
}

/** Distance to an arc of a circle around (cx, cy), from angle `from` to `to` (radians, clockwise, y down). */
function arc(x, y, cx, cy, radius, from, to) {
  const turn = 2 * Math.PI;
  const angle = (((Math.atan2(y - cy, x - cx) - from) % turn) + turn) % turn;
  if (angle <= to - from) return Math.abs(Math.hypot(x - cx, y - cy) - radius);
  const end = (at) => Math.hypot(x - cx - radius * Math.cos(at), y - cy - radius * Math.sin(at));
  return Math.min(end(from), end(to));
}

/** Distance to a star with five points around (cx, cy), by folding the plane into a tenth. */
function star(x, y, cx, cy, radius) {
  const sector = Math.PI / 5;
  const angle = Math.atan2(x - cx, cy - y);
  const folded = Math.abs(angle - 2 * sector * Math.round(angle / (2 * sector)));
  const px = Math.hypot(x - cx, y - cy) * Math.cos(folded);
  const py = Math.hypot(x - cx, y - cy) * Math.sin(folded);
  const inner = 0.5 * radius;
  const [qx, qy] = [inner * Math.cos(sector), inner * Math.sin(sector)];
  const side = (qx - radius) * py - qy * (px - radius); // which side of the edge from the point to the notch
  return (side > 0 ? -1 : 1) * segment(px, py, radius, 0, qx, qy);
}

/** The letters S U N, 5 px strokes, 48 x 22 px around (48, 106). */
function letters(x, y) {
  const stroke = 2.6;
  const s = Math.min(
    arc(x, y, 31, 102, 5, Math.PI * 0.5, Math.PI * 1.85),
    arc(x, y, 31, 112, 5, -Math.PI * 0.5, Math.PI * 0.85),
  );
  const u = Math.min(
    segment(x, y, 42.5, 97, 42.5, 111),
    segment(x, y, 53.5, 97, 53.5, 111),
    arc(x, y, 48, 111.5, 5.5, 0, Math.PI),
  );
  const n = Math.min(
    segment(x, y, 60.5, 97, 60.5, 117),
    segment(x, y, 71.5, 97, 71.5, 117),
    segment(x, y, 60.5, 97, 71.5, 117),
  );
  return Math.min(s, u, n) - stroke;
}

/** Bottom first; `box` in px of the window, half-open, one pixel of air around the drawing. */
const LAYERS = [
  {
    id: 'background',
    kind: 'background',
    caption: 'gradient pale sky background',
    box: [0, 0, WIDTH, HEIGHT],
    distance: () => -1,
    colour: (x, y) => mix([0.72, 0.88, 0.99], [0.98, 0.93, 0.86], clamp(y / HEIGHT)),
  },
  {
    id: 'sun',
    kind: 'image',
    caption: 'large shaded yellow circle',
    box: [18, 12, 78, 72],
    distance: (x, y) => Math.hypot(x - 48, y - 42) - 29,
    colour: (x, y) => mix([1, 0.87, 0.42], [0.98, 0.62, 0.2], clamp((y - 14) / 56)),
  },
  {
    id: 'hill',
    kind: 'image',
    caption: 'large teal circle',
    box: [-22, 56, 62, 140],
    distance: (x, y) => Math.hypot(x - 20, y - 98) - 41,
    colour: () => [0.1, 0.6, 0.62],
  },
  {
    id: 'star',
    kind: 'image',
    caption: 'small red star',
    box: [62, 56, 92, 86],
    distance: (x, y) => star(x, y, 77, 71.5, 13.5) - 0.8,
    colour: () => [0.9, 0.27, 0.29],
  },
  {
    id: 'title',
    kind: 'text',
    caption: "text 'SUN' in navy",
    text: { string: 'SUN' },
    box: [22, 93, 76, 121],
    distance: letters,
    colour: () => [0.11, 0.16, 0.35],
  },
];

/** Straight RGB of the whole poster, `scale` px a unit, 8 bits. */
function draw(scale) {
  const [width, height] = [WIDTH * scale, HEIGHT * scale];
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const [x, y] = [(column + 0.5) / scale, (row + 0.5) / scale];
      let rgb = [0, 0, 0];
      for (const { distance, colour } of LAYERS) rgb = mix(rgb, colour(x, y), clamp(0.5 - distance(x, y) * scale));
      data.set(
        rgb.map((value) => Math.round(255 * value)),
        3 * (row * width + column),
      );
    }
  return encode({ width, height, data, channels: 3, depth: 8 });
}

function layout() {
  return {
    format: 'layered-design/1',
    canvas: { width: WIDTH, height: HEIGHT },
    prompt: {
      global: `${LAYERS.slice(1)
        .map(({ caption }) => caption)
        .join(', ')}, ${LAYERS[0].caption}`,
    },
    layers: LAYERS.map(({ id, kind, caption, text, box }, z) => ({ id, kind, z, box, caption, ...(text && { text }) })),
    task: { type: 'i2l', image: { uri: 'poster.png' } },
    sampling: { seed: 7 },
  };
}

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../examples/poster');
const scale = Number(process.argv[2] ?? 1);
if (!Number.isInteger(scale) || scale < 1) {
  console.error('usage: draw-poster.mjs [SCALE], a whole number from 1; 1 writes the example, others poster@SCALE.png');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, scale === 1 ? 'poster.png' : `poster@${scale}.png`), draw(scale));
if (scale === 1) writeFileSync(join(folder, 'layout.json'), `${JSON.stringify(layout(), null, 2)}\n`);
