import { describe, expect, it } from 'vitest';
import { conv2dInputRows, conv2dOutputSize, planConv2d } from '../../../kernels/conv2d/conv2d.ts';
import { conv2dWeightLayout, lastTemporalTap, packConv2dWeight } from '../../../kernels/conv2d/conv2d-weight.ts';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { pipelineKey } from '../../../kernels/plan.ts';

const SIZE = { inH: 8, inW: 8, inC: 4, outC: 4, kernel: 3, weightDType: 'f32' } as const;
const LAVAPIPE = { ...FLOOR_FACTS, kind: 'software', driver: 'lavapipe', subgroups: true, subgroupMaxSize: 8 } as const;

describe('weight layout', () => {
  it('puts output channels innermost and pads them to a multiple of 4', () => {
    // torch [outC 2, inC 3, 3, 3], each value telling where it belongs: o * 1000 + c * 100 + tap.
    const torch = Float32Array.from(
      { length: 54 },
      (_, i) => Math.floor(i / 27) * 1000 + (Math.floor(i / 9) % 3) * 100 + (i % 9),
    );
    const packed = packConv2dWeight(torch, 2, 3, 3);
    expect(conv2dWeightLayout(2, 3, 3, 'f32')).toEqual({ shape: [3, 3, 3, 4], byteLength: packed.byteLength });
    const at = (tap: number, c: number, o: number) => packed[(tap * 3 + c) * 4 + o];
    for (let tap = 0; tap < 9; tap++)
      for (let c = 0; c < 3; c++) {
        expect([at(tap, c, 0), at(tap, c, 1)]).toEqual([c * 100 + tap, 1000 + c * 100 + tap]);
        expect([at(tap, c, 2), at(tap, c, 3)]).toEqual([0, 0]);
      }
  });

  it('takes half the bytes in f16 and bf16', () => {
    expect(conv2dWeightLayout(5, 2, 1, 'f16').byteLength).toBe(2 * 8 * 2);
    expect(conv2dWeightLayout(5, 2, 1, 'bf16').byteLength).toBe(2 * 8 * 2);
  });

  it('keeps the last temporal tap of a causal weight', () => {
    // [outC 1, inC 2, depth 3, 1, 1]: taps in time of channel 0, then of channel 1.
    expect([...lastTemporalTap(Float32Array.of(1, 2, 3, 4, 5, 6), 1, 2, 3, 1)]).toEqual([3, 6]);
    const spatial = Float32Array.from({ length: 27 }, (_, i) => i);
    expect([...lastTemporalTap(spatial, 1, 1, 3, 3)]).toEqual([18, 19, 20, 21, 22, 23, 24, 25, 26]);
  });

  it('says what it wanted', () => {
    expect(() => packConv2dWeight(new Float32Array(10), 2, 3, 3)).toThrow(
      'conv2d: weight [2, 3, 3, 3] has 54 values, got 10.',
    );
    expect(() => lastTemporalTap(new Float32Array(10), 2, 3, 3, 3)).toThrow(
      'conv2d: weight [2, 3, 3, 3, 3] has 162 values, got 10.',
    );
  });
});

describe('geometry', () => {
  it('gives the sizes of torch: same, halved with the rest cut, doubled', () => {
    expect(conv2dOutputSize({ inH: 7, inW: 9 })).toEqual([7, 9]);
    expect(conv2dOutputSize({ inH: 7, inW: 9, stride: 2 })).toEqual([3, 4]);
    expect(conv2dOutputSize({ inH: 7, inW: 9, upsample: 2 })).toEqual([14, 18]);
    expect(() => conv2dOutputSize({ inH: 1, inW: 9, stride: 2 })).toThrow(
      'conv2d: picture [1, 9] is too small for stride 2: the output is empty.',
    );
  });

  it('knows which input rows a band of output rows reads', () => {
    expect(conv2dInputRows({ inH: 10, kernel: 3 }, 0, 10)).toEqual([0, 10]);
    expect(conv2dInputRows({ inH: 10, kernel: 3 }, 4, 2)).toEqual([3, 7]);
    expect(conv2dInputRows({ inH: 10, kernel: 1 }, 4, 2)).toEqual([4, 6]);
    expect(conv2dInputRows({ inH: 10, kernel: 3, stride: 2 }, 1, 2)).toEqual([2, 7]);
    expect(conv2dInputRows({ inH: 10, kernel: 3, stride: 2 }, 4, 1)).toEqual([8, 10]);
    expect(conv2dInputRows({ inH: 10, kernel: 3, upsample: 2 }, 5, 2)).toEqual([2, 4]);
  });
});

describe('planConv2d', () => {
  it('refuses what it cannot run, with the numbers', () => {
    const plan = (change: object) => () => planConv2d(FLOOR_FACTS, { ...SIZE, ...change });
    expect(plan({ inC: 0 })).toThrow('conv2d: inC must be a whole number of at least 1, got 0.');
    expect(plan({ outC: 1.5 })).toThrow('conv2d: outC must be a whole number of at least 1, got 1.5.');
    expect(plan({ kernel: 1, stride: 2 })).toThrow(
      'conv2d: 1x1 takes stride 1 and no upsampling, got stride 2, upsample 1.',
    );
    expect(plan({ band: { inRow0: 0, inRows: 8, outRow0: 6, outRows: 4 } })).toThrow(
      'conv2d: band must lie in the picture, got input rows 0+8 of 8, output rows 6+4 of 8.',
    );
    expect(plan({ band: { inRow0: 4, inRows: 4, outRow0: 4, outRows: 4 } })).toThrow(
      'conv2d: output rows 4+4 need input rows [3, 8), the band holds [4, 8).',
    );
  });

  it('compiles once for all picture sizes, offsets and residuals', () => {
    const key = (change: object) => pipelineKey(planConv2d(LAVAPIPE, { ...SIZE, outC: 128, ...change }));
    const base = key({});
    expect(key({ inH: 3, inW: 200 })).toBe(base);
    expect(key({ inC: 7, outC: 10, inOffset: 4 })).toBe(base);
    expect(key({ residual: 'add' })).toBe(base);
    expect(key({ upsample: 2 })).toBe(base);
    expect(key({ silu: true })).not.toBe(base);
    expect(key({ weightDType: 'f16' })).not.toBe(base);
  });

  it('takes the large patch on software drivers where there is work enough for its compile time', () => {
    const variant = (change: object) => planConv2d(LAVAPIPE, { ...SIZE, inC: 128, outC: 128, ...change }).variant;
    expect(variant({ inH: 64, inW: 64 })).toBe('taps,4x4x8,K3S1');
    expect(variant({ inH: 8, inW: 8 })).toBe('taps,4x2x8,K3S1');
    expect(variant({ inH: 512, inW: 512, outC: 3 })).toBe('taps,4x4x4,K3S1');
    expect(variant({ inH: 512, inW: 512, stride: 2 })).toBe('taps,4x2x8,K3S2');
    expect(variant({ inH: 512, inW: 512, kernel: 1 })).toBe('taps,4x1x16,K1S1');
    expect(planConv2d(FLOOR_FACTS, { ...SIZE, inH: 512 }).variant).toBe('tile,128x64');
    expect(planConv2d({ ...LAVAPIPE, driver: 'swiftshader' }, SIZE).variant).toBe('unrolled,8x1x8');
  });

  it('counts multiply-adds as two operations', () => {
    expect(planConv2d(FLOOR_FACTS, { ...SIZE, upsample: 2 }).flops).toBe(2 * 16 * 16 * 4 * 4 * 9);
  });

  it('spreads workgroups within the limit of a dimension', () => {
    const { workgroups } = planConv2d(FLOOR_FACTS, { ...SIZE, inH: 8192, inW: 8192, inC: 1, outC: 1 }, 'naive');
    expect(Math.max(...workgroups)).toBeLessThanOrEqual(65535);
    expect(workgroups[0] * workgroups[1] * 64).toBeGreaterThanOrEqual(8192 * 8192);
  });
});
