import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesignLayer, LayeredDesign } from '../../../model/layout/design-schema.ts';
import { parseManifest } from '../../../model/manifest/manifest.ts';
import { planNoise } from '../../../model/noise/plan-noise.ts';
import { quantizeBox } from '../../../model/tokens/grid.ts';
import { planImages } from '../../../model/tokens/plan-images.ts';
import type { ImageShape } from '../../../model/tokens/plan-images.ts';
import { planMrt } from '../../../model/tokens/plan-mrt.ts';
import { regionLatents, regionOffsets } from '../../../model/tokens/region-tokens.ts';
import { rotationTable } from '../../../model/tokens/rotation-table.ts';
import type { TokenPlan } from '../../../model/tokens/token-plan.ts';
import { LayoutError } from '../../../runtime/errors.ts';

// The invariants of the specification's list that need no network.

type Box = [number, number, number, number];

const manifest = parseManifest({});
const background = (box: Box | null = null): DesignLayer => ({
  id: 'bg',
  kind: 'background',
  z: 0,
  box,
  source: { uri: 'bg.png' },
});
const image = (id: string, z: number, box: Box): DesignLayer => ({
  id,
  kind: 'image',
  z,
  box,
  source: { uri: `${id}.png` },
  reference: { uri: `${id}-new.png` },
});
const design = (
  layers: LayeredDesign['layers'],
  task: LayeredDesign['task'] = { type: 't2l' },
  width = 64,
  height = 48,
): LayeredDesign => ({
  format: 'layered-design/1',
  canvas: { width, height },
  layers,
  task,
});

/** Region of a layer in a slot, and the positions of its tokens. */
function regionOf(plan: TokenPlan, layerId: string | null, slot: string): { index: number; positions: number[] } {
  const index = plan.regions.findIndex((region) => region.layerId === layerId && region.slot === slot);
  const { start, length } = plan.regions[index]!;
  return { index, positions: [...plan.positions.subarray(3 * start, 3 * (start + length))] };
}

/** Everything a token carries, as one comparable string, by region identity. */
function tokensByRegion(plan: TokenPlan): Map<string, string> {
  return new Map(
    plan.regions.map(({ slot, layerId, start, length }) => [
      `${slot} ${layerId}`,
      [
        plan.positions.subarray(3 * start, 3 * (start + length)),
        plan.roles.subarray(start, start + length),
        plan.modulationRows.subarray(start, start + length),
        plan.condFlags.subarray(start, start + length),
      ].join('|'),
    ]),
  );
}

describe('invariants of a plan', () => {
  const layers = [
    background(),
    image('a', 1, [-20, 0, 20, 30]),
    image('b', 2, [10, 10, 50, 40]),
    image('c', 3, [40, 20, 80, 60]),
  ];
  const restyle = design(layers, { type: 'restyle', targets: ['a', 'c'] });

  it('2: permuting the regions permutes the tokens and nothing else', () => {
    const plan = planMrt(restyle, manifest);
    const permuted = planMrt(
      restyle,
      parseManifest({ regionOrder: ['condition', 'foreground', 'composed', 'background'] }),
    );
    expect(permuted.regions[0]!.slot).toBe('condition');
    expect(tokensByRegion(permuted)).toEqual(tokensByRegion(plan));
    expect([permuted.textStart, permuted.numTokens, permuted.numPredicted, permuted.readOut]).toEqual([
      plan.textStart,
      plan.numTokens,
      plan.numPredicted,
      plan.readOut,
    ]);
  });

  it('3: the order of the layers in the document means nothing', () => {
    const shuffled = design([layers[3]!, layers[1]!, layers[0]!, layers[2]!], restyle.task);
    expect(planMrt(shuffled, manifest)).toEqual(planMrt(restyle, manifest));
  });

  it('4: the rotation rows of cond tokens equal those of their targets', () => {
    const plan = planMrt(restyle, manifest);
    const { cos, sin, numAngles } = rotationTable(plan.positions, [4, 6, 6], 10_000);
    for (const id of ['a', 'c']) {
      const target = plan.regions[regionOf(plan, id, 'foreground').index]!;
      const cond = plan.regions[regionOf(plan, id, 'condition').index]!;
      for (const table of [cos, sin]) {
        const rows = (start: number) => table.subarray(start * numAngles, (start + target.length) * numAngles);
        expect(rows(cond.start)).toEqual(rows(target.start));
      }
      expect([...plan.condFlags.subarray(cond.start, cond.start + cond.length)].every((flag) => flag === 1)).toBe(true);
    }
    expect(plan.condFlags.reduce((sum, flag) => sum + flag, 0)).toBe(8 + 9);
  });

  it.each([0, 1, 50])('5: %i layers plan', (count) => {
    const many = Array.from({ length: count }, (_, i) => image(`l${i}`, i + 1, [i, i, i + 1, i + 1]));
    const plan = planMrt(design([background(), ...many]), manifest);
    expect(plan.readOut).toEqual(['bg', ...many.map(({ id }) => id)]);
    expect(plan.textStart).toBe(Math.max(2, count + 2));
    // A box of one pixel is one token.
    expect(plan.regions.slice(2).every(({ length }) => length === 1)).toBe(true);
    expect(() =>
      planMrt(design([background(), ...many, image('x', 99, [0, 0, 1, 1])]), parseManifest({ maxLayers: count })),
    ).toThrow(expect.objectContaining({ rule: 'too-many-layers' }) as Error);
  });

  it('5: identical boxes differ in their layer position only; a box wholly outside has tokens', () => {
    const plan = planMrt(
      design([
        background(),
        image('a', 1, [0, 0, 16, 16]),
        image('b', 5, [0, 0, 16, 16]),
        image('out', 6, [-32, -24, -16, -8]),
      ]),
      manifest,
    );
    expect(regionOf(plan, 'a', 'foreground').positions).toEqual([2, -2, -2]);
    expect(regionOf(plan, 'b', 'foreground').positions).toEqual([3, -2, -2]);
    expect(regionOf(plan, 'out', 'foreground').positions).toEqual([4, -4, -4, 4, -3, -4]);
    expect(plan.canvas).toEqual({ gx0: -2, gy0: -2, gw: 6, gh: 5 });
  });

  it('7: an unrelated layer, or a grown box, leaves the noise of a layer as it was', () => {
    const noiseOf = (plan: TokenPlan, id: string) => {
      const { index } = regionOf(plan, id, 'foreground');
      return { region: plan.regions[index]!, latents: regionLatents(plan, planNoise(plan, 7n), index) };
    };
    const before = planMrt(design([background(), image('a', 1, [0, 0, 32, 32])]), manifest);
    const added = planMrt(
      design([background(), image('new', 1, [-16, -16, 32, 32]), image('a', 2, [0, 0, 32, 32])]),
      manifest,
    );
    expect(noiseOf(added, 'a').latents).toEqual(noiseOf(before, 'a').latents);
    const grown = noiseOf(planMrt(design([background(), image('a', 1, [-16, -8, 48, 32])]), manifest), 'a');
    const small = noiseOf(before, 'a');
    const at = (noise: typeof grown, channel: number, y: number, x: number) => {
      const { gx0, gy0, gw, gh } = noise.region;
      return noise.latents[(channel * 2 * gh + y - 2 * gy0) * 2 * gw + x - 2 * gx0];
    };
    for (let c = 0; c < 16; c++)
      for (let y = 0; y < 4; y++) for (let x = 0; x < 4; x++) expect(at(grown, c, y, x)).toBe(at(small, c, y, x));
    expect(grown.region.length).toBe(12);
  });

  it('8: with every box the window, the regional plan is the full-canvas one', () => {
    const whole = [0, 0, 64, 48] as Box;
    const plan = planMrt(design([background(whole), image('a', 1, [...whole]), image('b', 2, [...whole])]), manifest);
    const full = planImages(
      Array.from({ length: 4 }, (): ImageShape => [1, 3, 4]),
      { numPredicted: 4 },
    );
    expect(plan.positions).toEqual(full.positions);
    expect(plan.roles).toEqual(full.roles);
    expect(plan.modulationRows).toEqual(full.modulationRows);
    expect(plan.predicted).toEqual(full.predicted);
  });

  it('only predicted tokens are noise, and the predicted ranges hold them all', () => {
    for (const type of ['t2l', 'i2l', 'add', 'restyle'] as const) {
      const plan = planMrt(design(layers, { type, targets: ['b'], image: { uri: 'flat.png' } }), manifest);
      const isPredicted = new Uint8Array(plan.numTokens);
      for (const [start, end] of plan.predicted) isPredicted.fill(1, start, end);
      expect([...plan.roles].map((role) => (role === 0 ? 1 : 0))).toEqual([...isPredicted]);
      expect([...plan.modulationRows]).toEqual([...plan.roles].map((role) => (role === 0 ? 0 : 1)));
      expect(regionOffsets(plan, 'all')).toEqual(plan.regions.map(({ start }) => start));
    }
  });

  it('an id may be the name of an inherited field', () => {
    const plan = planMrt(
      design([background(), image('__proto__', 1, [0, 0, 16, 16]), image('constructor', 2, [0, 0, 16, 16])], {
        type: 'add',
        targets: ['__proto__'],
      }),
      manifest,
    );
    expect(plan.readOut).toEqual(['__proto__']);
    expect([...plan.quantizedBoxes.keys()]).toEqual(['bg', '__proto__', 'constructor']);
  });

  it('refuses a plan that no device could hold, with the number', () => {
    const huge = design([background([0, 0, 65_536, 65_536])], { type: 't2l' }, 65_536, 65_536);
    expect(() => planMrt(huge, manifest)).toThrow(
      new LayoutError(
        'design: a plan has at most 4194304 image tokens, got 33554432. Make the window or the boxes smaller.',
        { rule: 'too-many-tokens' },
      ),
    );
    const wide = design([background(), image('a', 1, [0, 0, 1e300, 16])]);
    expect(() => planMrt(wide, parseManifest({ overflow: { policy: 'clip' } }))).not.toThrow();
  });

  it('names the nearest sizes where the window is off the grid and may not be resized', () => {
    expect(() =>
      planMrt(design([background()], { type: 't2l' }, 100, 48), parseManifest({ windowPolicy: 'reject' }), 'd.json'),
    ).toThrow(/got 100 x 48, .* nearest: 96 x 48 \(d\.json: canvas\)/u);
  });
});

describe('quantizeBox', () => {
  it('is the smallest token rectangle that holds the box, for any window', () => {
    const side = fc.integer({ min: 1, max: 65_536 });
    const place = fc.integer({ min: -1_000_000, max: 1_000_000 });
    fc.assert(
      fc.property(
        side,
        side,
        place,
        place,
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 100_000 }),
        (width, height, x, y, w, h) => {
          const gw = Math.ceil(width / 16);
          const gh = Math.ceil(height / 16);
          const rect = quantizeBox([x, y, x + w, y + h], { width, height, gw, gh });
          const holds = (g0: number, size: number, low: number, high: number, tokens: number, pixels: number) => {
            const [g, n, a, b, t, p] = [g0, size, low, high, tokens, pixels].map(BigInt) as [
              bigint,
              bigint,
              bigint,
              bigint,
              bigint,
              bigint,
            ];
            // g <= a t / p < g + 1 and g + n - 1 < b t / p <= g + n, in exact integers.
            return g * p <= a * t && a * t < (g + 1n) * p && (g + n - 1n) * p < b * t && b * t <= (g + n) * p;
          };
          expect(holds(rect.gx0, rect.gw, x, x + w, gw, width)).toBe(true);
          expect(holds(rect.gy0, rect.gh, y, y + h, gh, height)).toBe(true);
          expect(Object.values(rect).some((value) => Object.is(value, -0))).toBe(false);
        },
      ),
      { numRuns: 500, seed: 3 },
    );
  });

  it('is floor and ceil of x / 16 on a window of the grid', () => {
    const window = { width: 64, height: 48, gw: 4, gh: 3 };
    expect(quantizeBox([-1, -16, 16, 17], window)).toEqual({ gx0: -1, gy0: -1, gw: 2, gh: 3 });
    expect(quantizeBox([-17, 0, -16, 1], window)).toEqual({ gx0: -2, gy0: 0, gw: 1, gh: 1 });
  });
});
