import { f32ToF16 } from '../../../runtime/safetensors/convert.ts';
import type { PeerTensor } from '../peers.ts';
import { largeAttention } from './large-cases.ts';
import { peerIn, skippedWithout } from './peer-folder.ts';
import { productRow, sharedRow } from './product-rows.ts';
import type { StepContext, StepResult } from './step.ts';
import type { ProductShape } from './torch-steps.ts';
import { takeTurns, type TurnsRow } from './turns.ts';

/** Full attention, and the forms of it in ONNX that are tried. */
export interface OrtAttention {
  readonly s: number;
  readonly heads: number;
  readonly d: number;
  readonly forms: readonly ('decomposed' | 'fused')[];
}

/** Largest error of attention with f16 operands and result. */
const BOUND = 2e-3;
/** Two processes, so that both forms of a row stay ready while the other has its turn. */
const PROCESSES = ['ort', 'ort-2'] as const;

/** G1 and G3 beside ONNX Runtime's WebGPU provider, its tensors on the device; the fused form is its MultiHeadAttention. */
export async function ortTurns(
  context: StepContext,
  products: readonly ProductShape[],
  attentions: readonly OrtAttention[],
): Promise<StepResult> {
  const skipped = skippedWithout(context, 'ort.mjs', 'onnxruntime-node');
  if (skipped) return skipped;
  const peers = PROCESSES.map((name) => peerIn(context, name, [process.execPath, 'ort.mjs', 'webgpu']));
  const [main, ...others] = products.map((shape) => {
    const [m, n, k] = shape;
    const forms = ['f16', 'f32'].map((dtype, i) => ({
      name: `ORT ${dtype}`,
      peer: PROCESSES[i],
      task: { kind: 'linear', m, n, k, dtype },
    }));
    return productRow(shape, forms);
  });
  // Should the time run out, then after a row of each kind.
  return takeTurns(context, peers, [main, ...attentions.map(attentionRow), ...others]);
}

function attentionRow({ s, heads, d, forms }: OrtAttention): TurnsRow {
  const ours = { name: 'layerloom', op: 'attention', testCase: largeAttention(s, heads, d) };
  const rivals = forms.map((form, i) => ({
    name: `ORT f16 ${form}`,
    peer: PROCESSES[i],
    task: { kind: 'sdpa', s, heads, d, dtype: 'f16', fused: form === 'fused' },
  }));
  const half = (data: ArrayBufferView): PeerTensor => ({
    dtype: 'f16',
    shape: [s, heads * d],
    data: f32ToF16(data as Float32Array),
  });
  return sharedRow(`G3 S ${s}, ${heads} x ${d}`, 4 * s * s * heads * d, ours, rivals, ({ inputs, expected }) => ({
    tensors: { q: half(inputs.q), k: half(inputs.k), v: half(inputs.v) },
    reference: expected.out,
    bound: BOUND,
  }));
}
