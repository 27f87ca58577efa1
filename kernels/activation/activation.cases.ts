import type { KernelCase, OpCases } from '../cases.ts';
import { blankRows, expectRows, floatsOf, makeRows, rowAt } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import type { UnitWidth } from '../unit-grid.ts';
import { geluTanh, silu } from './activation.reference.ts';
import { activationVariants, planActivation, type ActivationKind } from './activation.ts';

interface Shape {
  readonly kind: ActivationKind;
  readonly rows: number;
  readonly columns: number;
  /** Inputs are uniform in (-2, 2) times this: 50 reaches both flat ends, 1e20 overflows x^3 in f32. */
  readonly spread?: number;
  readonly x?: RowView;
  readonly up?: RowView;
  readonly y?: RowView;
  readonly benchOnly?: boolean;
}

const SHAPES: readonly Shape[] = [
  { kind: 'gelu_tanh', rows: 1, columns: 1 },
  { kind: 'silu', rows: 3, columns: 7 },
  { kind: 'silu_mul', rows: 5, columns: 13 },
  { kind: 'gelu_tanh', rows: 9, columns: 132, spread: 3 },
  { kind: 'gelu_tanh', rows: 9, columns: 64, spread: 50 },
  { kind: 'gelu_tanh', rows: 2, columns: 64, spread: 1e20 },
  { kind: 'silu', rows: 9, columns: 64, spread: 100 },
  {
    kind: 'silu_mul',
    rows: 7,
    columns: 36,
    spread: 5,
    x: { stride: 72 },
    up: { offset: 36, stride: 72 },
    y: { offset: 8 },
  },
  {
    kind: 'silu_mul',
    rows: 7,
    columns: 9,
    x: { stride: 18 },
    up: { offset: 9, stride: 18 },
    y: { offset: 2, stride: 10 },
  },
  // 65,536 workgroups of 64: one more than a grid dimension takes.
  { kind: 'silu', rows: 64, columns: 65536 },
  { kind: 'gelu_tanh', rows: 12800, columns: 12288, benchOnly: true },
];

function makeCase(shape: Shape): KernelCase {
  const { kind, rows, columns, spread = 1, benchOnly = false } = shape;
  const isGated = kind === 'silu_mul';
  const x = resolveView('case', 'x', shape.x, rows, columns);
  const up = resolveView('case', 'up', shape.up, rows, columns);
  const y = resolveView('case', 'y', shape.y, rows, columns);
  const options = { kind, rows, columns, x, up, y };
  const f = kind === 'gelu_tanh' ? geluTanh : silu;
  return {
    name: `${kind} [${rows},${columns}] x${spread} ${x.offset}+${x.stride} to ${y.offset}+${y.stride}`,
    variants: () => activationVariants(options),
    plan: (facts, variant) => planActivation(facts, options, variant as UnitWidth),
    inputs: (random) => ({
      [isGated ? 'gate' : 'x']: makeRows(random, x, rows, columns).map((value) => value * spread),
      ...(isGated ? { up: makeRows(random, up, rows, columns) } : {}),
      y: blankRows(y),
    }),
    expected: (inputs) => {
      const first = floatsOf(inputs, isGated ? 'gate' : 'x');
      const row = (r: number) => {
        const other = isGated ? rowAt(floatsOf(inputs, 'up'), up, r, columns) : undefined;
        return Float64Array.from(rowAt(first, x, r, columns), (value, c) => f(value) * (other?.[c] ?? 1));
      };
      return { y: { dtype: 'f32', values: expectRows(floatsOf(inputs, 'y'), y, rows, row) } };
    },
    tolerance: { atol: 1e-6, rtol: 2e-6, nmse: 1e-12 },
    benchOnly,
  };
}

/** Cases of `activation`. */
export const cases: OpCases = { op: 'activation', cases: SHAPES.map(makeCase) };
