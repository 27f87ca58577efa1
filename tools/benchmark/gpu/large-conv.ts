import { f32ToF16 } from '../../../runtime/safetensors/convert.ts';
import {
  conv2dVariants,
  isMatrixConv,
  planConv2d,
  type Conv2dOptions,
  type Conv2dVariant,
} from '../../../kernels/conv2d/conv2d.ts';
import { packConv2dWeight } from '../../../kernels/conv2d/conv2d-weight.ts';
import type { BenchCase } from '../kernel-run.ts';
import { valuesOf } from '../workloads/half.ts';
import { convPixel } from '../workloads/plain-references.ts';
import { randomTensor, sampleIndices } from '../workloads/workload.ts';

/** Elements of the result that are checked. */
const SAMPLES = 2048;

/** A 3x3 convolution of [h, w, cin] f32 with f16 weights, large; channels last. */
export function largeConv(h: number, w: number, cin: number, cout: number): BenchCase {
  const options: Conv2dOptions = { inH: h, inW: w, inC: cin, outC: cout, kernel: 3, weightDType: 'f16' };
  const shape = [cout, cin, 3, 3];
  const weightOf = (): Uint16Array => f32ToF16(randomTensor('w', shape, Math.sqrt(1 / (3 * cin))).data as Float32Array);
  return {
    name: `${h} x ${w}, ${cin} to ${cout}`,
    variants: (facts) =>
      conv2dVariants(facts, options).filter(
        (name) => facts.kind === 'software' || name === 'tile' || isMatrixConv(name),
      ),
    plan: (facts, variant) => planConv2d(facts, options, variant as Conv2dVariant),
    inputs: () => {
      // Values that f16 holds: sums are all that rounds on the matrix unit too.
      const input = (randomTensor('x', [h, w, cin]).data as Float32Array).map((x) => Math.round(x * 512) / 512);
      const weight = packConv2dWeight(valuesOf({ dtype: 'f16', shape, data: weightOf() }), cout, cin, 3);
      const bias = randomTensor('b', [cout]).data;
      return { input, weight: f32ToF16(weight), bias, residual: Float32Array.of(0) };
    },
    expected: () => {
      throw new RangeError('a large case has samples only.');
    },
    sample: ({ input, bias }) => {
      const weight = valuesOf({ dtype: 'f16', shape, data: weightOf() });
      const operands = { x: input as Float32Array, weight, bias: bias as Float32Array, h, w, cin, cout };
      const indices = sampleIndices(h * w * cout, SAMPLES);
      const values = Float64Array.from(indices, (index) => convPixel(operands, index));
      return { output: { dtype: 'f32', length: h * w * cout, indices, values } };
    },
    tolerance: { atol: 3e-6 * Math.sqrt(9 * cin), rtol: 1e-5, nmse: 1e-10 },
    benchOnly: true,
  };
}
