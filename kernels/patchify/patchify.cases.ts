import type { KernelCase, OpCases } from '../cases.ts';
import { floatsOf, makeRows, blankRows } from '../case-rows.ts';
import { resolveView, type RowView } from '../row-view.ts';
import { patchPairs } from './patchify.reference.ts';
import { patchifyVariants, planPatchify, planUnpatchify, type PatchifyOptions } from './patchify.ts';

interface Shape {
  readonly layout: PatchifyOptions['layout'];
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly plane?: NonNullable<PatchifyOptions['plane']>;
  readonly latentOffset?: number;
  readonly tokens?: RowView;
}

const SHAPES: readonly Shape[] = [
  { layout: 'chw', channels: 1, height: 2, width: 2 },
  { layout: 'chw', channels: 16, height: 6, width: 10 },
  { layout: 'hwc', channels: 16, height: 6, width: 10 },
  { layout: 'chw', channels: 3, height: 4, width: 2, plane: { height: 9, width: 7, y: 3, x: 5 }, latentOffset: 11 },
  {
    layout: 'hwc',
    channels: 3,
    height: 2,
    width: 6,
    plane: { height: 5, width: 8, y: 2, x: 1 },
    tokens: { offset: 24, stride: 15 },
  },
];

function makeCases(shape: Shape): KernelCase[] {
  const { layout, channels, height, width, latentOffset = 0 } = shape;
  const plane = shape.plane ?? { height, width, y: 0, x: 0 };
  const rows = (height / 2) * (width / 2);
  const tokens = resolveView('case', 'tokens', shape.tokens, rows, 4 * channels);
  const options = { layout, channels, height, width, plane, latentOffset, tokens };
  const latentCount = latentOffset + channels * plane.height * plane.width;
  const address = (c: number, y: number, x: number) => {
    const pixel = (plane.y + y) * plane.width + plane.x + x;
    return latentOffset + (layout === 'chw' ? c * plane.height * plane.width + pixel : pixel * channels + c);
  };
  const name = `${layout} ${channels}x${height}x${width} in ${plane.height}x${plane.width} tokens ${tokens.offset}+${tokens.stride}`;
  const tolerance = { atol: 0, rtol: 0, nmse: 0 };
  const pairs = patchPairs(channels, height, width);
  const forward: KernelCase = {
    name: `patchify ${name}`,
    variants: patchifyVariants,
    plan: (facts) => planPatchify(facts, options),
    inputs: (random) => ({ latents: random.floats(latentCount), tokens: blankRows(tokens) }),
    expected: (inputs) => {
      const values = Float64Array.from(floatsOf(inputs, 'tokens'));
      const latents = floatsOf(inputs, 'latents');
      for (const { channel, y, x, token, column } of pairs)
        values[tokens.offset + token * tokens.stride + column] = latents[address(channel, y, x)] ?? 0;
      return { tokens: { dtype: 'f32', values } };
    },
    tolerance,
  };
  const backward: KernelCase = {
    name: `unpatchify ${name}`,
    variants: patchifyVariants,
    plan: (facts) => planUnpatchify(facts, options),
    inputs: (random) => ({
      tokens: makeRows(random, tokens, rows, 4 * channels),
      latents: new Float32Array(latentCount).fill(Number.NaN),
    }),
    expected: (inputs) => {
      const values = Float64Array.from(floatsOf(inputs, 'latents'));
      const source = floatsOf(inputs, 'tokens');
      for (const { channel, y, x, token, column } of pairs)
        values[address(channel, y, x)] = source[tokens.offset + token * tokens.stride + column] ?? 0;
      return { latents: { dtype: 'f32', values } };
    },
    tolerance,
  };
  return [forward, backward];
}

/** Cases of `patchify` and `unpatchify`. */
export const cases: OpCases = { op: 'patchify', cases: SHAPES.flatMap(makeCases) };
