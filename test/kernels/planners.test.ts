import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS, type DeviceFacts } from '../../kernels/facts.ts';
import { pipelineKey } from '../../kernels/plan.ts';
import { planActivation } from '../../kernels/activation/activation.ts';
import { planAddRows } from '../../kernels/add-rows/add-rows.ts';
import { attentionVariants, planAttention } from '../../kernels/attention/attention.ts';
import { planCast } from '../../kernels/cast/cast.ts';
import { planCopyRows } from '../../kernels/copy-rows/copy-rows.ts';
import { DTypeError, ShapeError } from '../../kernels/errors.ts';
import { planGuidance } from '../../kernels/guidance/guidance.ts';
import { planLayerNormModulate } from '../../kernels/layer-norm-modulate/layer-norm-modulate.ts';
import { planPatchify } from '../../kernels/patchify/patchify.ts';
import { planPixelNorm } from '../../kernels/pixel-norm/pixel-norm.ts';
import { planQkNormRope } from '../../kernels/qk-norm-rope/qk-norm-rope.ts';
import { planReduceFinish, planReducePartials, reducePartialCount } from '../../kernels/reduce/reduce.ts';
import { planQuantizeRows } from '../../kernels/quantize-rows/quantize-rows.ts';
import { planRmsNorm } from '../../kernels/rms-norm/rms-norm.ts';
import { rowSchemes } from '../../kernels/row-scheme.ts';
import { planSamplerStep } from '../../kernels/sampler-step/sampler-step.ts';
import { planScaleAdd } from '../../kernels/scale-add/scale-add.ts';

const floor = FLOOR_FACTS;
const subgroup8 = { subgroups: true, subgroupMinSize: 8, subgroupMaxSize: 8 };
const lavapipe: DeviceFacts = { ...floor, kind: 'software', driver: 'lavapipe', ...subgroup8 };
const bareSoftware: DeviceFacts = { ...floor, kind: 'software', driver: 'other' };
const modulation = { rows: 2, stride: 12, shiftOffset: 0, scaleOffset: 4 };

/** Each rule, how to break it, and all of the message. */
const REFUSED: readonly [rule: string, plan: () => unknown, message: string][] = [
  [
    'no rows',
    () => planRmsNorm(floor, { rows: 0, columns: 4, eps: 1e-6 }),
    'rms_norm: rows must be a whole number of at least 1, got 0.',
  ],
  [
    'overlapping rows',
    () => planRmsNorm(floor, { rows: 2, columns: 8, eps: 1e-6, x: { stride: 7 } }),
    'rms_norm: rows of x [2, 8] overlap, got stride 7.',
  ],
  [
    'a negative offset',
    () => planPixelNorm(floor, { pixels: 2, channels: 8, y: { offset: -4 } }),
    'pixel_norm: y must start at a whole, non-negative element, got -4.',
  ],
  [
    'addresses beyond 32 bits',
    () => planCopyRows(floor, { rows: 2 ** 20, columns: 2 ** 13 }),
    'copy_rows: x ends at element 8589934592, past 32-bit addresses. Split the rows.',
  ],
  [
    'a group that does not divide the columns',
    () => planQuantizeRows(floor, { rows: 2, columns: 96, group: 64 }),
    "quantize_rows: the rotation's group must be a power of two up to 256 that divides the 96 columns, got 64.",
  ],
  [
    'a group that is too large',
    () => planQuantizeRows(floor, { rows: 2, columns: 1024, group: 512 }),
    "quantize_rows: the rotation's group must be a power of two up to 256 that divides the 1024 columns, got 512.",
  ],
  [
    'codes that start within a word',
    () => planQuantizeRows(floor, { rows: 2, columns: 8, group: 8, y: { stride: 10 } }),
    'quantize_rows: rows of codes must start at multiples of 4 elements, got offset 0, stride 10.',
  ],
  [
    'a scheme that the device lacks',
    () => planRmsNorm(floor, { rows: 2, columns: 8, eps: 1e-6 }, 'subgroup'),
    'rms_norm: this device cannot run row scheme "subgroup".',
  ],
  [
    'overlapping modulation rows',
    () => planLayerNormModulate(floor, { rows: 2, columns: 16, eps: 1e-6, modulation }),
    'layer_norm_modulate: rows of shift [2, 16] overlap, got stride 12.',
  ],
  [
    'an eps of 0',
    () => planRmsNorm(floor, { rows: 2, columns: 8, eps: 0 }),
    'rms_norm: eps must be positive, finite and normal in f32 (2^-126 or more), got 0.',
  ],
  [
    'an eps that a driver may flush to 0',
    () => planQkNormRope(floor, { rows: 2, heads: 2, headDim: 8, norm: { eps: 1e-39 } }),
    'qk_norm_rope: norm.eps must be positive, finite and normal in f32 (2^-126 or more), got 1e-39.',
  ],
  [
    'an eps that is no number',
    () => planLayerNormModulate(floor, { rows: 1, columns: 4, eps: Number.NaN, modulation }),
    'layer_norm_modulate: eps must be positive, finite and normal in f32 (2^-126 or more), got NaN.',
  ],
  [
    'an odd head',
    () => planQkNormRope(floor, { rows: 2, heads: 2, headDim: 7, norm: { eps: 1e-6 } }),
    'qk_norm_rope: headDim must be even, got 7.',
  ],
  [
    'nothing to do',
    () => planQkNormRope(floor, { rows: 2, heads: 2, headDim: 8 }),
    'qk_norm_rope: needs a norm or a rotation, got neither.',
  ],
  [
    'heads that do not divide',
    () => planAttention(floor, { queryRows: 4, keyRows: 4, heads: 6, keyHeads: 4, headDim: 8 }),
    'attention: heads must be a multiple of keyHeads, got 6 and 4.',
  ],
  [
    'a head too wide',
    () => planAttention(floor, { queryRows: 4, keyRows: 4, heads: 1, headDim: 514 }),
    'attention: headDim must be at most 512, got 514.',
  ],
  [
    'vec4 on odd columns',
    () => planActivation(floor, { kind: 'silu', rows: 2, columns: 7 }, 'vec4'),
    'activation: [2, 7] cannot be read by vec4.',
  ],
  [
    'no table',
    () => planAddRows(floor, { rows: 2, columns: 7, tableRows: 0 }),
    'add_rows: tableRows must be a whole number of at least 1, got 0.',
  ],
  [
    'factors of two forms',
    () => planScaleAdd(floor, { rows: 1, columns: 1, alpha: 1, beta: { scalar: 0 } }),
    'scale_add: alpha and beta must both be numbers or both be scalars of the buffer.',
  ],
  [
    'an odd packed offset',
    () => planCast(floor, { from: 'bf16', to: 'f32', count: 4, xOffset: 3 }),
    'cast: a 16-bit side must start at an even element, got 3.',
  ],
  [
    'half a channel',
    () => planGuidance(floor, { rows: 2, channels: 1.5, scale: 4, rescale: true }),
    'guidance: channels must be a whole number of at least 1, got 1.5.',
  ],
  [
    'a scalar before the first',
    () =>
      planSamplerStep(floor, {
        form: 'euler',
        predicts: 'eps-z0',
        rows: 1,
        channels: 1,
        sigmaIndex: -1,
        sigmaNextIndex: -2,
      }),
    'sampler_step: scalars must be a whole number of at least 1, got 0.',
  ],
  [
    'an odd side',
    () => planPatchify(floor, { layout: 'chw', channels: 4, height: 3, width: 4 }),
    'patchify: height and width must be even, got 3 x 4.',
  ],
  [
    'a region that leaves its plane',
    () =>
      planPatchify(floor, {
        layout: 'chw',
        channels: 4,
        height: 4,
        width: 4,
        plane: { height: 6, width: 6, y: 0, x: 4 },
      }),
    'patchify: a region of 4 x 4 at (0, 4) leaves its plane of 6 x 6.',
  ],
];

describe('planners refuse', () => {
  for (const [rule, plan, message] of REFUSED)
    it(rule, () => {
      expect(plan).toThrow(ShapeError);
      expect(plan).toThrow(new ShapeError(message));
    });

  it('casts without an f32 side', () => {
    const plan = () => planCast(floor, { from: 'f16', to: 'bf16', count: 4 });
    expect(plan).toThrow(new DTypeError('cast: one side must be f32, got f16 to bf16.'));
  });
});

describe('planners choose', () => {
  it('no barriers on software drivers, workgroup memory on GPUs', () => {
    expect(rowSchemes(lavapipe)[0]).toBe('subgroup');
    expect(rowSchemes(bareSoftware)[0]).toBe('lane');
    expect(rowSchemes(floor)).toEqual(['workgroup', 'lane']);
    expect(attentionVariants(lavapipe)[0]).toBe('rowwise');
    expect(attentionVariants(floor)[0]).toBe('flash');
  });

  it('vec4 access only where columns, offsets and strides allow it', () => {
    const plan = (options: object) => planRmsNorm(floor, { rows: 3, columns: 8, eps: 1e-6, ...options }).variant;
    expect(plan({})).toBe('workgroup,vec4');
    expect(plan({ x: { offset: 4, stride: 12 } })).toBe('workgroup,vec4');
    expect(plan({ x: { offset: 2 } })).toBe('workgroup,scalar');
    expect(plan({ y: { stride: 9 } })).toBe('workgroup,scalar');
    expect(plan({ columns: 7 })).toBe('workgroup,scalar');
  });

  it('one pipeline for every image size and position', () => {
    const attention = (rows: number, offset: number) =>
      pipelineKey(planAttention(floor, { queryRows: rows, keyRows: rows + 5, heads: 2, headDim: 64, q: { offset } }));
    expect(attention(100, 0)).toBe(attention(4352, 128));
    const norm = (rows: number, eps: number) => pipelineKey(planRmsNorm(floor, { rows, columns: 3072, eps }));
    expect(norm(5, 1e-6)).toBe(norm(12800, 1e-5));
  });

  it('grids within the limit of a dimension, large enough for every row', () => {
    for (const facts of [floor, lavapipe, bareSoftware])
      for (const rows of [1, 65535, 65536, 1_000_003]) {
        const { workgroups, constants } = planRmsNorm(facts, { rows, columns: 64, eps: 1e-6 });
        expect(Math.max(...workgroups)).toBeLessThanOrEqual(65535);
        expect(workgroups[0] * workgroups[1] * constants['ROWS']).toBeGreaterThanOrEqual(rows);
      }
  });

  it('workgroups within the floor of 256 invocations and 16 KiB', () => {
    for (const columns of [1, 2, 64, 3072, 18432]) {
      const { constants } = planRmsNorm(floor, { rows: 9, columns, eps: 1e-6 });
      expect(constants['WG']).toBe(constants['ROWS'] * constants['LANES']);
      expect(constants['WG']).toBeLessThanOrEqual(256);
    }
  });

  it('a number of partial sums that depends on the shape alone', () => {
    const shape = { rows: 700, columns: 36 };
    const partials = reducePartialCount(700, 36);
    for (const facts of [floor, lavapipe])
      expect(planReducePartials(facts, shape).bindings[2].byteLength).toBe(partials * 8);
    expect(planReduceFinish(floor, { partials, count: 700 * 36 }).workgroups).toEqual([1, 1, 1]);
  });

  it('operations counted by what the maths needs', () => {
    const full = { queryRows: 10, keyRows: 10, heads: 3, headDim: 8 };
    expect(planAttention(floor, full).flops).toBe(4 * 100 * 3 * 8);
    expect(planAttention(floor, { ...full, causal: { offset: 0 } }).flops).toBe(4 * 55 * 3 * 8);
  });
});
