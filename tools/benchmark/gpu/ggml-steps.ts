import { f16ToF32, f32ToF16 } from '../../../runtime/safetensors/convert.ts';
import { largeMatmul } from './large-cases.ts';
import { peerIn, skippedWithout } from './peer-folder.ts';
import { productRow, sharedRow, type DataForPeers } from './product-rows.ts';
import type { StepContext, StepResult } from './step.ts';
import type { ProductShape } from './torch-steps.ts';
import { takeTurns, type Rival, type TurnsRow } from './turns.ts';

/** Kernels of ggml's Vulkan back end, and what they sum in: f32, or what llama.cpp runs, f16 where that is faster. */
const MODES = ['coopmat2', 'coopmat1', 'scalar'] as const;
const SUMS = ['f32', 'default'] as const;
const PEERS = MODES.flatMap((mode) => SUMS.map((sum) => ({ name: `ggml ${mode}, sums ${sum}`, mode, sum })));

/** Some of ggml's kernels round activations to int8 for weights in int8, half a step of 127 of the largest in 32. */
const INT8_BOUND = 1e-2;
/** Weights of a block that shares a scale, and its bytes. */
const BLOCK = { length: 32, bytes: 34 } as const;

/** G1 and G2 beside ggml on Vulkan: weights in f16 and in q8_0 (for us int8 with a scale for each row of the weights). */
export async function ggmlTurns(
  context: StepContext,
  products: readonly ProductShape[],
  quantized: readonly ProductShape[],
): Promise<StepResult> {
  const skipped = skippedWithout(context, 'ggml_peer.py', '@node-llama-cpp/linux-x64-vulkan');
  if (skipped) return skipped;
  const peers = PEERS.map(({ name, mode }) =>
    peerIn(context, name, [context.python, 'ggml_peer.py', mode, ...(context.isAnyDevice ? ['any'] : [])]),
  );
  const rivalsOf = ([m, n, k]: ProductShape): Rival[] =>
    PEERS.map(({ name, sum }) => ({ name, peer: name, task: { kind: 'linear', m, n, k, sum } }));
  return takeTurns(context, peers, [
    ...products.map((shape) => productRow(shape, rivalsOf(shape))),
    ...quantized.map((shape) => quantizedRow(shape, rivalsOf(shape))),
  ]);
}

function quantizedRow(shape: ProductShape, rivals: readonly Rival[]): TurnsRow {
  const [m, n, k] = shape;
  const ours = { name: 'layerloom f16 x int8', op: 'matmul', testCase: largeMatmul(m, n, k, 'i8') };
  return sharedRow(`G2 ${m} x ${n} x ${k}, int8 weights`, 2 * m * n * k, ours, rivals, quantizedData(shape));
}

/** The same int8 weights as q8_0: the scale of a row in each of its blocks, rounded to f16, and so in the reference. */
export function quantizedData([m, n, k]: ProductShape): DataForPeers {
  return ({ inputs, expected }) => {
    const scales = inputs.scales as Float32Array;
    const codes = f32ToF16(scales);
    const rounded = f16ToF32(codes);
    const { length, indices, values } = expected.out;
    return {
      tensors: {
        x: { dtype: 'f32', shape: [m, k], data: f16ToF32(inputs.x as Uint16Array) },
        w: { dtype: 'q8_0', shape: [n, k], data: blocksOf(inputs.w as Int8Array, codes, k) },
      },
      reference: {
        length,
        indices,
        values: values.map((value, i) => (value / scales[indices[i] % n]) * rounded[indices[i] % n]),
      },
      bound: INT8_BOUND,
    };
  };
}

/** Rows of k int8 weights as ggml's q8_0: for each 32 weights their scale in f16, then the weights. */
function blocksOf(weights: Int8Array, scales: Uint16Array, k: number): Uint8Array {
  const blocks = weights.length / BLOCK.length;
  const perRow = k / BLOCK.length;
  const out = new Uint8Array(blocks * BLOCK.bytes);
  const bytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.length);
  for (let i = 0; i < blocks; i++) {
    const scale = scales[Math.floor(i / perRow)];
    const at = i * BLOCK.bytes;
    out[at] = scale & 255;
    out[at + 1] = scale >> 8;
    out.set(bytes.subarray(i * BLOCK.length, (i + 1) * BLOCK.length), at + 2);
  }
  return out;
}
