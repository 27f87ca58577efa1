import type { KernelCase, OpCases } from '../cases.ts';
import { floatsOf, makeRows, rowAt } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import type { UnitWidth } from '../unit-grid.ts';
import { stepElement } from './sampler-step.reference.ts';
import { planSamplerStep, samplerStepVariants, type SamplerStepOptions } from './sampler-step.ts';

interface Shape {
  readonly form: SamplerStepOptions['form'];
  readonly predicts: SamplerStepOptions['predicts'];
  readonly rows: number;
  readonly channels: number;
  readonly sigma: number;
  readonly sigmaNext: number;
  readonly indexedRows?: number;
  readonly indexOffset?: number;
  readonly x?: RowView;
  readonly velocity?: RowView;
}

const SHAPES: readonly Shape[] = [
  { form: 'euler', predicts: 'eps-z0', rows: 1, channels: 1, sigma: 1, sigmaNext: 0.9 },
  { form: 'euler', predicts: 'z0-eps', rows: 30, channels: 64, sigma: 0.7, sigmaNext: 0.25 },
  {
    form: 'euler',
    predicts: 'eps-z0',
    rows: 7,
    channels: 64,
    sigma: 0.3,
    sigmaNext: 0,
    indexedRows: 19,
    indexOffset: 2,
  },
  { form: 'euler', predicts: 'z0-eps', rows: 7, channels: 5, sigma: 0.5, sigmaNext: 0.4, indexedRows: 9 },
  { form: 'renoise', predicts: 'eps-z0', rows: 30, channels: 16, sigma: 0.75, sigmaNext: 0.5 },
  { form: 'renoise', predicts: 'z0-eps', rows: 11, channels: 7, sigma: 0.75, sigmaNext: 0.5, indexedRows: 12 },
  { form: 'renoise', predicts: 'z0-eps', rows: 11, channels: 8, sigma: 0.25, sigmaNext: 0, indexedRows: 11 },
  {
    form: 'euler',
    predicts: 'eps-z0',
    rows: 6,
    channels: 12,
    sigma: 0.6,
    sigmaNext: 0.5,
    x: { offset: 24, stride: 16 },
    velocity: { offset: 8, stride: 12 },
  },
  {
    form: 'renoise',
    predicts: 'eps-z0',
    rows: 6,
    channels: 12,
    sigma: 0.6,
    sigmaNext: 0.5,
    x: { offset: 23, stride: 13 },
    velocity: { offset: 3, stride: 12 },
  },
];

function makeCase(shape: Shape): KernelCase {
  const { form, predicts, rows, channels, sigma, sigmaNext, indexedRows, indexOffset = 0 } = shape;
  const x = resolveView('case', 'x', shape.x, indexedRows ?? rows, channels);
  const velocity = resolveView('case', 'velocity', shape.velocity, rows, channels);
  const fresh = resolveView('case', 'fresh', undefined, rows, channels);
  const options: SamplerStepOptions = {
    form,
    predicts,
    rows,
    channels,
    sigmaIndex: 2,
    sigmaNextIndex: 1,
    indexOffset,
    velocity,
    fresh,
    x,
    ...(indexedRows === undefined ? {} : { indexedRows }),
  };
  const where = indexedRows === undefined ? '' : ` of ${indexedRows}`;
  return {
    name: `${form} ${predicts} [${rows},${channels}]${where} ${sigma} to ${sigmaNext} ${x.offset}+${x.stride}`,
    variants: () => samplerStepVariants(options),
    plan: (facts, variant) => planSamplerStep(facts, options, variant as UnitWidth),
    inputs: (random) => {
      // Distinct rows of x, in no order: two predictions never meet.
      const order = Array.from({ length: indexedRows ?? 0 }, (_, i) => i);
      for (let i = order.length - 1; i > 0; i--) {
        const j = random.integer(i + 1);
        [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
      }
      // Fresh noise after the last step does not exist: NaN must not come through.
      const noise = makeRows(random, fresh, rows, channels);
      return {
        v: makeRows(random, velocity, rows, channels),
        scalars: Float32Array.of(Number.NaN, sigmaNext, sigma),
        ...(form === 'renoise' ? { fresh: sigmaNext === 0 ? noise.fill(Number.NaN) : noise } : {}),
        ...(indexedRows === undefined
          ? {}
          : { index: Uint32Array.from({ length: indexOffset + rows }, (_, i) => order[i - indexOffset] ?? 0) }),
        x: makeRows(random, x, indexedRows ?? rows, channels),
      };
    },
    expected: (inputs) => {
      const before = floatsOf(inputs, 'x');
      const after = Float64Array.from(before);
      const index = inputs['index'] as Uint32Array | undefined;
      const [, next = 0, now = 0] = floatsOf(inputs, 'scalars');
      for (let r = 0; r < rows; r++) {
        const target = index === undefined ? r : (index[indexOffset + r] ?? 0);
        const latent = rowAt(before, x, target, channels);
        const predicted = rowAt(floatsOf(inputs, 'v'), velocity, r, channels);
        const noise = form === 'renoise' ? rowAt(floatsOf(inputs, 'fresh'), fresh, r, channels) : undefined;
        const stepped = latent.map((_, c) => c);
        const values = Float64Array.from(stepped, (c) => {
          const flow = (predicted[c] ?? 0) * (predicts === 'eps-z0' ? 1 : -1);
          return stepElement(form, latent[c] ?? 0, flow, noise?.[c] ?? 0, now, next);
        });
        after.set(values, x.offset + target * x.stride);
      }
      return { x: { dtype: 'f32', values: after } };
    },
    tolerance: { atol: 5e-7, rtol: 5e-7, nmse: 1e-13 },
  };
}

/** Cases of `sampler_step`. */
export const cases: OpCases = { op: 'sampler_step', cases: SHAPES.map(makeCase) };
