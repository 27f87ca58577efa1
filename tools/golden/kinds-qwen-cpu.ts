import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { validateDesign } from '../../model/layout/design.ts';
import {
  FlowMatchEulerDiscreteScheduler,
  layeredMu,
  modelTimestepBf16,
  textToImageMu,
} from '../../model/sampler/flow-match-euler.ts';
import type { SigmaSchedule } from '../../model/sampler/flow-match-euler.ts';
import { guideVelocity } from '../../model/sampler/guidance.ts';
import { parseFlowMatchConfig } from '../../model/sampler/scheduler-config.ts';
import { TIMESTEP_CHANNELS, timestepEmbedding } from '../../model/sampler/timestep-embedding.ts';
import { TorchRng } from '../../model/sampler/torch-rng.ts';
import type { TorchRandomDType } from '../../model/sampler/torch-rng.ts';
import { regionalNegativeText, regionalPromptText, tokenizeRegionalPrompt } from '../../model/text/prompts.ts';
import { splitTemplate } from '../../model/text/templates.ts';
import { openTokenizer } from '../../model/text/tokenizer.ts';
import { folderSource } from '../../runtime/node/folder-source.ts';
import { f32ToBf16, f32ToF16 } from '../../runtime/safetensors/convert.ts';
import {
  booleanInput,
  choiceInput,
  f32Input,
  hasInput,
  isNumber,
  isString,
  listInput,
  modelDirOf,
  numberInput,
  optionalNumber,
  optionalString,
  tensorInput,
} from './case-inputs.ts';
import type { GoldenContext, GoldenHandler, GoldenTensor } from './contract.ts';
import { caseManifest } from './kinds-mrt-cpu.ts';

/*
 * Kinds of `golden/kinds-qwen.md` (and the text part of `mrt_prompt`) that need no GPU.
 */

const tensor = (dtype: string, shape: readonly number[], data: GoldenTensor['data']): GoldenTensor => ({
  dtype,
  shape,
  data,
});

async function tokenizerCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const tokenizer = await openTokenizer(await folderSource(join(modelDirOf(context), 'tokenizer')));
  const template = optionalString(context, 'template');
  const addedTokens = choiceInput(context, 'addedTokens', ['parse', 'literal'] as const);
  const maxLength = optionalNumber(context, 'maxLength');
  const ids = listInput(context, 'texts', isString).map((text) =>
    tokenizer.encode(text, { template, addedTokens, maxLength }),
  );
  const outputs = new Map<string, unknown>([['ids', ids]]);
  if (template !== undefined) outputs.set('dropIdx', tokenizer.countTemplateTokens(splitTemplate(template)[0]));
  return outputs;
}

function scheduleOf(context: GoldenContext): { scheduler: FlowMatchEulerDiscreteScheduler; schedule: SigmaSchedule } {
  const scheduler = new FlowMatchEulerDiscreteScheduler(parseFlowMatchConfig(context.input('config')));
  const schedule = scheduler.schedule(numberInput(context, 'numInferenceSteps'), {
    grid: choiceInput(context, 'grid', ['one-to-inverse-n', 'one-to-zero'] as const),
    mu: optionalNumber(context, 'mu'),
  });
  return { scheduler, schedule };
}

async function schedulerCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const { sigmas, timesteps } = scheduleOf(context).schedule;
  return new Map([
    ['sigmas', tensor('F32', [sigmas.length], sigmas)],
    ['timesteps', tensor('F32', [timesteps.length], timesteps)],
    ['modelTimestepBf16', tensor('F32', [timesteps.length], timesteps.map(modelTimestepBf16))],
  ]);
}

async function schedulerMuCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const rule = choiceInput(context, 'rule', ['t2i', 'layered'] as const);
  const config = parseFlowMatchConfig(context.input('config') ?? {});
  const lengths = listInput(context, 'imageSeqLen', isNumber);
  const mu = lengths.map((length) => (rule === 't2i' ? textToImageMu(config, length) : layeredMu(length)));
  return new Map([['mu', tensor('F64', [mu.length], Float64Array.from(mu))]]);
}

async function schedulerStepCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const { scheduler, schedule } = scheduleOf(context);
  const { shape } = tensorInput(context, 'sample');
  const next = scheduler.step(
    f32Input(context, 'sample'),
    f32Input(context, 'model_output'),
    schedule.sigmas,
    numberInput(context, 'stepIndex'),
    hasInput(context, 'noise') ? f32Input(context, 'noise') : undefined,
  );
  return new Map([['prev_sample', tensor('F32', shape, next)]]);
}

async function cfgCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const { shape } = tensorInput(context, 'v_pos');
  const guided = guideVelocity(f32Input(context, 'v_pos'), f32Input(context, 'v_neg'), {
    scale: numberInput(context, 'scale'),
    channels: shape.at(-1) ?? 1,
    rescale: booleanInput(context, 'normalize') ? 'perToken' : 'none',
  });
  return new Map([['v', tensor('F32', shape, guided)]]);
}

interface Draw {
  readonly op: 'randn' | 'rand';
  readonly shape: readonly number[];
  readonly dtype: TorchRandomDType;
}

const DRAW_DTYPES = ['f32', 'f64', 'f16', 'bf16'];

function isDraw(item: unknown): item is Draw {
  if (typeof item !== 'object' || item === null || !('op' in item && 'shape' in item && 'dtype' in item)) return false;
  const { op, shape, dtype } = item;
  return (op === 'randn' || op === 'rand') && Array.isArray(shape) && shape.every(isNumber) && isDrawDType(dtype);
}

function isDrawDType(dtype: unknown): dtype is TorchRandomDType {
  return typeof dtype === 'string' && DRAW_DTYPES.includes(dtype);
}

async function rngCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const rng = new TorchRng(numberInput(context, 'seed'));
  const outputs = new Map<string, unknown>();
  for (const [i, { op, shape, dtype }] of listInput(context, 'draws', isDraw).entries()) {
    const count = shape.reduce((product, size) => product * size, 1);
    const values: Float32Array | Float64Array = op === 'randn' ? rng.randn(count, dtype) : rng.rand(count, dtype);
    const name = dtype.toUpperCase();
    outputs.set(`draw.${i}`, tensor(name, shape, values));
    outputs.set(`draw.${i}.head`, tensor(name, [Math.min(32, count)], values.slice(0, 32)));
    outputs.set(`draw.${i}.tail`, tensor(name, [Math.min(32, count)], values.slice(-32)));
    let sum = 0;
    for (const value of values) sum += value;
    outputs.set(`draw.${i}.sum`, tensor('F64', [1], Float64Array.of(sum)));
    outputs.set(`draw.${i}.sha256`, createHash('sha256').update(storedBytes(values, dtype)).digest('hex'));
  }
  return outputs;
}

/** Little-endian bytes of values in their dtype. */
function storedBytes(values: Float32Array | Float64Array, dtype: TorchRandomDType): Uint8Array {
  let stored: Float32Array | Float64Array | Uint16Array = values;
  if (values instanceof Float32Array && dtype === 'bf16') stored = f32ToBf16(values);
  if (values instanceof Float32Array && dtype === 'f16') stored = f32ToF16(values);
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

async function timestepEmbeddingCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const timesteps = f32Input(context, 'timestep');
  const shape = [timesteps.length, TIMESTEP_CHANNELS];
  return new Map([['emb', tensor('F32', shape, timestepEmbedding(timesteps))]]);
}

async function regionalPromptCase(context: GoldenContext): Promise<ReadonlyMap<string, unknown>> {
  const manifest = await caseManifest(context);
  const document = validateDesign(context.input('document'));
  const tokenizer = await openTokenizer(await folderSource(join(modelDirOf(context), manifest.folders.tokenizer)));
  const text = regionalPromptText(document, manifest.prompt);
  return new Map<string, unknown>([
    ['text', text],
    ['negativeText', regionalNegativeText(document, manifest.guidance.negativePrompt)],
    ['ids', [...tokenizeRegionalPrompt(tokenizer, manifest.prompt, text).ids]],
  ]);
}

/** Handlers by kind. `timestep_embedding` gives `emb` only, `mrt_prompt` no `features`: the rest needs a model. */
export const QWEN_CPU_KINDS: ReadonlyMap<string, GoldenHandler> = new Map<string, GoldenHandler>([
  ['tokenizer', tokenizerCase],
  ['scheduler', schedulerCase],
  ['scheduler_mu', schedulerMuCase],
  ['scheduler_step', schedulerStepCase],
  ['cfg', cfgCase],
  ['rng', rngCase],
  ['timestep_embedding', timestepEmbeddingCase],
  ['mrt_prompt', regionalPromptCase],
]);
