import type { KernelCase, OpCases } from '../cases.ts';
import { blankRows, expectRows, floatsOf, makeRows, rowAt, type RowFill } from '../case-rows.ts';
import type { RowSchemeName } from '../row-scheme.ts';
import { resolveView, type RowView } from '../row-view.ts';
import { guidanceRow } from './guidance.reference.ts';
import { guidanceVariants, planGuidance } from './guidance.ts';

interface Shape {
  readonly rows: number;
  readonly channels: number;
  readonly scale: number;
  readonly rescale: boolean;
  readonly fill?: RowFill;
  readonly view?: RowView;
  readonly benchOnly?: boolean;
}

const SHAPES: readonly Shape[] = [
  { rows: 1, channels: 1, scale: 4, rescale: false },
  { rows: 31, channels: 64, scale: 4, rescale: true },
  { rows: 31, channels: 16, scale: 2.5, rescale: false },
  { rows: 5, channels: 13, scale: 7, rescale: true },
  { rows: 5, channels: 12, scale: 1, rescale: true, fill: 'spiky' },
  { rows: 5, channels: 12, scale: 3, rescale: true, fill: 'zeros' },
  { rows: 5, channels: 12, scale: 3, rescale: true, view: { offset: 8, stride: 20 } },
  { rows: 5, channels: 12, scale: 3, rescale: true, view: { offset: 3, stride: 17 } },
  { rows: 12800, channels: 64, scale: 4, rescale: true, benchOnly: true },
];

function makeCase(shape: Shape): KernelCase {
  const { rows, channels, scale, rescale, fill = 'uniform', benchOnly = false } = shape;
  const view = resolveView('case', 'x', shape.view, rows, channels);
  const packed = resolveView('case', 'y', undefined, rows, channels);
  return {
    name: `[${rows},${channels}] scale ${scale}${rescale ? ' rescale' : ''} ${fill} ${view.offset}+${view.stride}`,
    variants: guidanceVariants,
    plan: (facts, variant) =>
      planGuidance(
        facts,
        { rows, channels, scale, rescale, positive: view, negative: packed, y: view },
        variant as RowSchemeName,
      ),
    inputs: (random) => ({
      positive: makeRows(random, view, rows, channels, fill),
      negative: makeRows(random, packed, rows, channels, fill === 'zeros' ? 'zeros' : 'uniform'),
      y: blankRows(view),
    }),
    expected: (inputs) => {
      const row = (r: number) =>
        guidanceRow(
          rowAt(floatsOf(inputs, 'positive'), view, r, channels),
          rowAt(floatsOf(inputs, 'negative'), packed, r, channels),
          scale,
          rescale,
        );
      return { y: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'y'), view, rows, row) } };
    },
    // A difference of two predictions times the scale: cancellation leaves scale * 2^-24 of the larger one.
    tolerance: { atol: 4e-6, rtol: 3e-6, nmse: 2e-12 },
    benchOnly,
  };
}

/** Cases of `guidance`. */
export const cases: OpCases = { op: 'guidance', cases: SHAPES.map(makeCase) };
