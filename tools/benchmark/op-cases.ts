import type { OpCases } from '../../kernels/cases.ts';
import { cases as accumulate } from '../../kernels/accumulate/accumulate.cases.ts';
import { cases as activation } from '../../kernels/activation/activation.cases.ts';
import { cases as addRows } from '../../kernels/add-rows/add-rows.cases.ts';
import { cases as attention } from '../../kernels/attention/attention.cases.ts';
import { cases as cast } from '../../kernels/cast/cast.cases.ts';
import { cases as conv2d } from '../../kernels/conv2d/conv2d.cases.ts';
import { cases as copyRows } from '../../kernels/copy-rows/copy-rows.cases.ts';
import { cases as embeddingGather } from '../../kernels/embedding-gather/embedding-gather.cases.ts';
import { cases as fillRandom } from '../../kernels/fill-random/fill-random.cases.ts';
import { cases as guidance } from '../../kernels/guidance/guidance.cases.ts';
import { cases as layerNormModulate } from '../../kernels/layer-norm-modulate/layer-norm-modulate.cases.ts';
import { cases as matmul } from '../../kernels/matmul/matmul.cases.ts';
import { cases as patchify } from '../../kernels/patchify/patchify.cases.ts';
import { cases as pixelNorm } from '../../kernels/pixel-norm/pixel-norm.cases.ts';
import { cases as probe } from '../../kernels/probe/probe.cases.ts';
import { cases as qkNormRope } from '../../kernels/qk-norm-rope/qk-norm-rope.cases.ts';
import { cases as quantizeRows } from '../../kernels/quantize-rows/quantize-rows.cases.ts';
import { cases as reduce } from '../../kernels/reduce/reduce.cases.ts';
import { cases as rmsNorm } from '../../kernels/rms-norm/rms-norm.cases.ts';
import { cases as samplerStep } from '../../kernels/sampler-step/sampler-step.cases.ts';
import { cases as scaleAdd } from '../../kernels/scale-add/scale-add.cases.ts';
import { cases as scan } from '../../kernels/scan/scan.cases.ts';
import { cases as softmax } from '../../kernels/softmax/softmax.cases.ts';

/** Cases of every op, by name. A list of imports, so that bundlers and browsers find them; a test holds it against the folder. */
export const ALL_OP_CASES: readonly OpCases[] = [
  accumulate,
  activation,
  addRows,
  attention,
  cast,
  conv2d,
  copyRows,
  embeddingGather,
  fillRandom,
  guidance,
  layerNormModulate,
  matmul,
  patchify,
  pixelNorm,
  probe,
  qkNormRope,
  quantizeRows,
  reduce,
  rmsNorm,
  samplerStep,
  scaleAdd,
  scan,
  softmax,
];
