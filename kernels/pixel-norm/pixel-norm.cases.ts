import type { KernelCase, OpCases } from '../cases.ts';
import { blankRows, expectRows, floatsOf, makeRows, rowAt, type RowFill } from '../case-rows.ts';
import type { RowSchemeName } from '../row-scheme.ts';
import { resolveView, type RowView } from '../row-view.ts';
import { pixelNormRow } from './pixel-norm.reference.ts';
import { planPixelFactors } from './pixel-norm-factors.ts';
import { pixelNormVariants, planPixelNorm } from './pixel-norm.ts';

interface Shape {
  readonly pixels: number;
  readonly channels: number;
  readonly silu?: boolean;
  readonly fill?: RowFill;
  readonly x?: RowView;
  readonly y?: RowView;
  readonly benchOnly?: boolean;
}

const SHAPES: readonly Shape[] = [
  { pixels: 1, channels: 1 },
  { pixels: 35, channels: 6, silu: true },
  { pixels: 35, channels: 12 },
  { pixels: 19, channels: 96, silu: true },
  { pixels: 4, channels: 384, fill: 'spiky', silu: true },
  { pixels: 5, channels: 33, fill: 'zeros', silu: true },
  { pixels: 5, channels: 16, fill: 'zeros' },
  { pixels: 5, channels: 40, fill: 'tiny' },
  { pixels: 6, channels: 8, x: { offset: 16, stride: 12 }, y: { offset: 4, stride: 8 }, silu: true },
  { pixels: 6, channels: 8, x: { offset: 7, stride: 9 }, y: { offset: 1, stride: 11 } },
  // More workgroups than one dimension takes where a row has a workgroup of its own.
  { pixels: 70001, channels: 3 },
  { pixels: 1024 * 1024, channels: 96, silu: true, benchOnly: true },
];

function makeCase(shape: Shape): KernelCase {
  const { pixels, channels, silu = false, fill = 'uniform', benchOnly = false } = shape;
  const x = resolveView('case', 'x', shape.x, pixels, channels);
  const y = resolveView('case', 'y', shape.y, pixels, channels);
  const views = shape.x ? ` x ${x.offset}+${x.stride} y ${y.offset}+${y.stride}` : '';
  return {
    name: `[${pixels},${channels}] ${fill}${silu ? ' silu' : ''}${views}`,
    variants: pixelNormVariants,
    plan: (facts, variant) => planPixelNorm(facts, { pixels, channels, silu, x, y }, variant as RowSchemeName),
    inputs: (random) => ({
      x: makeRows(random, x, pixels, channels, fill),
      gamma: random.floats(channels),
      y: blankRows(y),
    }),
    expected: (inputs) => {
      const gamma = floatsOf(inputs, 'gamma');
      const row = (r: number) => pixelNormRow(rowAt(floatsOf(inputs, 'x'), x, r, channels), gamma, silu);
      return { y: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'y'), y, pixels, row) } };
    },
    tolerance: { atol: 1e-6, rtol: 5e-6, nmse: 2e-12 },
    benchOnly,
  };
}

/** The factors alone of some of these shapes. */
function makeFactorsCase(shape: Shape): KernelCase {
  const { pixels, channels, fill = 'uniform' } = shape;
  const x = resolveView('case', 'x', shape.x, pixels, channels);
  const yOffset = shape.y?.offset ?? 0;
  const ones = new Float64Array(channels).fill(1);
  return {
    name: `factors of [${pixels},${channels}] ${fill}${shape.x ? ` x ${x.offset}+${x.stride} y ${yOffset}` : ''}`,
    variants: pixelNormVariants,
    plan: (facts, variant) => planPixelFactors(facts, { pixels, channels, x, yOffset }, variant as RowSchemeName),
    inputs: (random) => ({
      x: makeRows(random, x, pixels, channels, fill),
      y: new Float32Array(yOffset + pixels),
    }),
    expected: (inputs) => {
      const values = new Float64Array(yOffset + pixels);
      for (let r = 0; r < pixels; r++) {
        const row = rowAt(floatsOf(inputs, 'x'), x, r, channels);
        const largest = row.reduce((at, value, c) => (Math.abs(value) > Math.abs(row[at]) ? c : at), 0);
        // The norm itself over its largest element; a row of zeros has the floor's factor.
        const normed = pixelNormRow(row, ones, false)[largest];
        values[yOffset + r] = row[largest] === 0 ? Math.sqrt(channels) / 1e-12 : normed / row[largest];
      }
      return { y: { dtype: 'f32', values } };
    },
    tolerance: { atol: 1e-6, rtol: 5e-6, nmse: 2e-12 },
    benchOnly: false,
  };
}

/** Cases of `pixel_norm`. */
export const cases: OpCases = {
  op: 'pixel_norm',
  cases: [...SHAPES.map(makeCase), ...SHAPES.filter(({ benchOnly }) => !benchOnly).map(makeFactorsCase)],
};
