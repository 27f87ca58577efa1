import { describe, expect, it } from 'vitest';
import { planEdit, planImages, planLayered, planTextToImage } from '../../../model/tokens/plan-images.ts';
import { summarizePlan } from '../../../model/tokens/token-plan.ts';
import { ShapeError } from '../../../runtime/errors.ts';

const rows = (positions: Int32Array): number[][] =>
  Array.from({ length: positions.length / 3 }, (_, i) => [...positions.subarray(3 * i, 3 * i + 3)]);

describe('planTextToImage', () => {
  it('is one predicted picture, centred the way Qwen-Image centres', () => {
    const plan = planTextToImage({ gh: 2, gw: 5 });
    expect(rows(plan.positions)).toEqual([-1, 0].flatMap((y) => [-3, -2, -1, 0, 1].map((x) => [0, y, x])));
    expect(plan.textStart).toBe(2);
    expect(plan.predicted).toEqual([[0, 10]]);
    expect(plan.window).toEqual({ width: 80, height: 32, gw: 5, gh: 2 });
    expect(plan.modulationRowCount).toBe(1);
    expect(planTextToImage({ gh: 2, gw: 5 }, { zeroCondT: true }).modulationRowCount).toBe(2);
  });

  it('is at frame -1 on a layered checkpoint, whose last picture always is', () => {
    const plan = planTextToImage({ gh: 1, gw: 2 }, { variant: 'layer3d' });
    expect(rows(plan.positions).map(([frame]) => frame)).toEqual([-1, -1]);
    expect(plan.predicted).toEqual([[0, 2]]);
  });
});

describe('planEdit', () => {
  const sizes = {
    target: { gh: 2, gw: 2 },
    references: [
      { gh: 1, gw: 6 },
      { gh: 2, gw: 1 },
    ],
  };

  it('numbers the pictures on the first axis and predicts the first', () => {
    const plan = planEdit(sizes);
    expect(
      plan.regions.map(({ slot, role, ropeLayer, start, length }) => [slot, role, ropeLayer, start, length]),
    ).toEqual([
      ['image', 'noise', 0, 0, 4],
      ['condition', 'clean', 1, 4, 6],
      ['condition', 'clean', 2, 10, 2],
    ]);
    expect(plan.textStart).toBe(3);
    expect(plan.predicted).toEqual([[0, 4]]);
    expect([...plan.modulationRows].every((row) => row === 0)).toBe(true);
    expect([...plan.condFlags].every((flag) => flag === 0)).toBe(true);
  });

  it('modulates everything after the first picture at zero where the checkpoint says so', () => {
    const plan = planEdit(sizes, { zeroCondT: true });
    expect([...plan.modulationRows]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(plan.modulationRowCount).toBe(2);
  });
});

describe('planLayered', () => {
  it('has the composite at frame 0, layers above, the condition at -1, and text beyond the layer count', () => {
    const plan = planLayered({ layers: 3, gh: 1, gw: 2, condition: { gh: 1, gw: 1 } });
    expect(plan.regions.map(({ slot, layerId, role, ropeLayer }) => [slot, layerId, role, ropeLayer])).toEqual([
      ['composed', null, 'noise', 0],
      ['foreground', 'layer-1', 'noise', 1],
      ['foreground', 'layer-2', 'noise', 2],
      ['foreground', 'layer-3', 'noise', 3],
      ['condition', null, 'clean', -1],
    ]);
    expect(plan.textStart).toBe(4);
    expect(plan.readOut).toEqual(['layer-1', 'layer-2', 'layer-3']);
    expect(plan.numPredicted).toBe(8);
    expect(planLayered({ layers: 1, gh: 9, gw: 2 }).textStart).toBe(4);
    expect(planLayered({ layers: 1, gh: 9, gw: 2 }).numTokens).toBe(54);
  });

  it('follows the checkpoint: every frame after the first at t = 0, or plain frame numbers', () => {
    const size = { layers: 1, gh: 1, gw: 1 };
    expect([...planLayered(size, { zeroCondT: true }).modulationRows]).toEqual([0, 1, 1]);
    const plain = planLayered(size, { variant: 'base' });
    expect(plain.regions.map(({ ropeLayer }) => ropeLayer)).toEqual([0, 1, 2]);
    expect(plain.predicted).toEqual([
      [0, 1],
      [1, 2],
    ]);
  });
});

describe('planImages', () => {
  it('counts frames of a picture on from its place in the list', () => {
    const plan = planImages([
      [1, 1, 1],
      [3, 1, 1],
      [1, 1, 1],
    ]);
    expect(rows(plan.positions).map(([frame]) => frame)).toEqual([0, 1, 2, 3, 2]);
    expect(
      rows(
        planImages(
          [
            [1, 1, 1],
            [2, 1, 1],
          ],
          { variant: 'layer3d' },
        ).positions,
      ).map(([frame]) => frame),
    ).toEqual([0, -1, -1]);
  });

  it('refuses what is no list of pictures', () => {
    expect(() => planImages([])).toThrow(ShapeError);
    expect(() => planImages([[1, 0, 3]])).toThrow(
      'plan_images: a picture is [frames, gh, gw] in tokens, integers from 1 to 8192, got [1, 0, 3] (img_shapes[0]). Divide pixels by 16.',
    );
    expect(() => planImages([[1, 1.5, 3]])).toThrow(ShapeError);
    expect(() => planImages([[1, 2, 3]], { numPredicted: 2 })).toThrow(ShapeError);
    expect(() => planLayered({ layers: 0, gh: 1, gw: 1 })).toThrow(ShapeError);
  });

  it('is summarised as JSON without its tables', () => {
    const text = JSON.stringify(summarizePlan(planTextToImage({ gh: 64, gw: 64 })));
    expect(JSON.parse(text)).toMatchObject({ task: 'text-to-image', numTokens: 4096, textStart: 32 });
    expect(text.length).toBeLessThan(600);
  });
});
