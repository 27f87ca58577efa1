import { condEmbeddingLength } from '../../model/checkpoint/checkpoint.ts';
import type { LayeredDesign } from '../../model/layout/design-schema.ts';
import { mergeManifest } from '../../model/manifest/manifest.ts';
import type { TransformerPassSpec } from '../../model/mmdit/transformer-program.ts';
import { blockSegment, EMBED_SEGMENT, HEAD_SEGMENT, PASS_STATES } from '../../model/mmdit/transformer-program.ts';
import type { TransformerPass } from '../../model/mmdit/transformer.ts';
import { planImages, type ImageShape } from '../../model/tokens/plan-images.ts';
import { planMrt } from '../../model/tokens/plan-mrt.ts';
import { predictedTokens } from '../../model/tokens/region-tokens.ts';
import type { Engine } from '../../runtime/engine.ts';
import { f32Input, hasInput, listInput, numberInput, tensorInput } from './case-inputs.ts';
import type { GoldenContext, GoldenHandler, GoldenTensor } from './contract.ts';
import type { GoldenKinds } from './kinds.ts';
import { LoadedModels, type LoadedModel } from './loaded-models.ts';

/*
 * Kinds that run one forward of a network: `transformer`, `timestep_embedding` (temb), `text_encoder` of kinds-qwen.md,
 * `mrt_transformer` of kinds-mrt.md.
 */

/** An f32 output. */
export function f32Tensor(shape: readonly number[], data: Float32Array): GoldenTensor {
  return { dtype: 'F32', shape, data };
}

/** Whether an input's item is [frames, h, w]. */
export const isImageShape = (item: unknown): item is ImageShape =>
  Array.isArray(item) && item.length === 3 && item.every((size) => typeof size === 'number');

/**
 * Handlers of the networks' kinds.
 *
 * @param open the engine to use; absent: an engine of its own
 */
export function openTransformerKinds(open?: () => Promise<Engine>): GoldenKinds {
  const models = new LoadedModels(open);
  return {
    handlers: new Map<string, GoldenHandler>([
      ['transformer', async (context) => transformerCase(context, await models.of(context))],
      ['mrt_transformer', async (context) => mrtTransformerCase(context, await models.of(context))],
      [
        'timestep_embedding',
        async (context) => (context.modelDir === undefined ? new Map() : tembCase(context, await models.of(context))),
      ],
      ['text_encoder', async (context) => textEncoderCase(context, await models.of(context))],
    ]),
    close: () => models.close(),
  };
}

/** Values of rank 1, integers or floats. */
function numbersOf(context: GoldenContext, name: string): number[] {
  return Array.from(tensorInput(context, name).data, Number);
}

async function transformerCase(context: GoldenContext, model: LoadedModel): Promise<ReadonlyMap<string, unknown>> {
  const transformer = await model.transformer();
  const { config } = transformer;
  const hidden = tensorInput(context, 'hidden_states');
  const text = tensorInput(context, 'encoder_hidden_states');
  const [batch, imgLen, channels] = hidden.shape;
  const [, txtLen, joint] = text.shape;
  const mask = hasInput(context, 'encoder_hidden_states_mask')
    ? numbersOf(context, 'encoder_hidden_states_mask')
    : undefined;
  const timesteps =
    hasInput(context, 'timestep') && Array.isArray(context.input('timestep'))
      ? (context.input('timestep') as number[])
      : typeof context.input('timestep') === 'number'
        ? [numberInput(context, 'timestep')]
        : numbersOf(context, 'timestep');
  const conditions = hasInput(context, 'additional_t_cond') ? numbersOf(context, 'additional_t_cond') : undefined;
  const plan = planImages(listInput(context, 'img_shapes', isImageShape), {
    variant: config.useLayer3dRope ? 'layer3d' : 'base',
    zeroCondT: config.zeroCondT,
  });
  const outputs = new Collected();
  for (let sample = 0; sample < batch; sample++) {
    const rows = Array.from({ length: txtLen }, (_, row) => row).filter(
      (row) => !mask || mask[sample * txtLen + row] === 1,
    );
    const features = new Float32Array(rows.length * joint);
    rows.forEach((row, i) => {
      const at = (sample * txtLen + row) * joint;
      features.set((text.data as Float32Array).subarray(at, at + joint), i * joint);
    });
    await runPass(outputs, model, {
      spec: { tokens: plan, textLength: rows.length, textRows: rows, ropeTheta: 10_000, keepAll: true },
      tokens: (hidden.data as Float32Array).subarray(sample * imgLen * channels, (sample + 1) * imgLen * channels),
      text: features,
      timestep: timesteps[sample] ?? timesteps[0],
      ...(conditions ? { additionalTCond: conditions[sample] } : {}),
      withTexts: mask === undefined,
    });
  }
  return outputs.batched(batch, config.zeroCondT);
}

interface PassInputs {
  readonly spec: Omit<TransformerPassSpec, 'config'>;
  readonly tokens: Float32Array;
  readonly text: Float32Array;
  readonly timestep: number;
  readonly additionalTCond?: number;
  /** Record the text stream after each block: junk under a mask. */
  readonly withTexts: boolean;
}

/** Runs a pass segment by segment and collects what lies between. */
async function runPass(outputs: Collected, model: LoadedModel, inputs: PassInputs): Promise<void> {
  const transformer = await model.transformer();
  const pass = await transformer.prepare(inputs.spec);
  const zero = inputs.spec.tokens.modulationRowCount > 1;
  const table = await transformer.modulation({
    timesteps: zero ? [inputs.timestep, 0] : [inputs.timestep],
    ...(inputs.additionalTCond !== undefined ? { additionalTCond: inputs.additionalTCond } : {}),
  });
  try {
    outputs.add('temb', table.temb.shape, (await table.temb.read()) as Float32Array);
    pass.setModulation(table, 0, zero ? 1 : undefined);
    pass.setText(inputs.text);
    pass.setTokens(inputs.tokens);
    pass.program.run([EMBED_SEGMENT]);
    await collectStreams(outputs, pass, 'imgIn', 'txtIn');
    for (let block = 0; block < pass.numBlocks; block++) {
      pass.program.run([blockSegment(block)]);
      await collectStreams(outputs, pass, `block.${block}.img`, inputs.withTexts ? `block.${block}.txt` : undefined);
    }
    pass.program.run([HEAD_SEGMENT]);
    outputs.add('sample', pass.program.plan.states.get(PASS_STATES.velocity)?.shape ?? [], await pass.readVelocity());
  } finally {
    table.dispose();
    pass.dispose();
  }
}

async function collectStreams(
  outputs: Collected,
  pass: TransformerPass,
  img: string,
  txt: string | undefined,
): Promise<void> {
  for (const [name, state] of [
    [img, PASS_STATES.img],
    [txt, PASS_STATES.txt],
  ] as const)
    if (name !== undefined)
      outputs.add(
        name,
        pass.program.plan.states.get(state)?.shape ?? [],
        (await pass.program.read(state)) as Float32Array,
      );
}

/** Outputs of the samples of a batch, in order. */
class Collected {
  readonly #parts = new Map<string, { shape: readonly number[]; samples: Float32Array[] }>();

  add(name: string, shape: readonly number[], data: Float32Array): void {
    const part = this.#parts.get(name) ?? { shape, samples: [] };
    part.samples.push(data);
    this.#parts.set(name, part);
  }

  /** As the reference stacks them: [B, ...], and temb [B, D] or [2B, D] with the rows of t = 0 last. */
  batched(batch: number, zeroCondT: boolean): ReadonlyMap<string, unknown> {
    const outputs = new Map<string, unknown>();
    for (const [name, { shape, samples }] of this.#parts) {
      if (name !== 'temb') {
        outputs.set(name, f32Tensor([batch, ...shape], concatenate(samples)));
        continue;
      }
      const width = shape[1];
      const rows = samples.map((sample) => sample.subarray(0, width));
      if (zeroCondT) rows.push(...samples.map((sample) => sample.subarray(width)));
      outputs.set(name, f32Tensor([rows.length, width], concatenate(rows)));
    }
    return outputs;
  }

  /** One sample without a batch axis. */
  single(): ReadonlyMap<string, unknown> {
    return new Map([...this.#parts].map(([name, { shape, samples }]) => [name, f32Tensor(shape, samples[0])]));
  }
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

async function mrtTransformerCase(context: GoldenContext, model: LoadedModel): Promise<ReadonlyMap<string, unknown>> {
  const manifest = mergeManifest(model.checkpoint.manifest, context.input('manifest'));
  const { config } = await model.transformer();
  const plan = planMrt(context.input('document') as LayeredDesign, manifest);
  const text = tensorInput(context, 'text');
  const spec = {
    tokens: plan,
    textLength: text.shape[0],
    ropeTheta: manifest.rope.theta,
    condEmbedding: {
      tensor: manifest.condEmbedding.tensor,
      length: condEmbeddingLength(manifest, config),
      addAt: manifest.condEmbedding.addAt,
    },
  };
  const inputs = {
    tokens: f32Input(context, 'tokens'),
    text: f32Input(context, 'text'),
    timestep: numberInput(context, 'sigma'),
    ...(config.useAdditionalTCond ? { additionalTCond: manifest.additionalTCond } : {}),
    withTexts: true,
  };
  const all = new Collected();
  await runPass(all, model, { ...inputs, spec: { ...spec, keepAll: true } });
  // The way it is used computes less in the last block and the head: its velocity is what counts.
  const used = new Collected();
  await runPass(used, model, { ...inputs, spec });
  const sample = used.single().get('sample') as GoldenTensor;
  const velocity = predictedTokens(plan, sample.data as Float32Array);
  return new Map([...all.single(), ['velocity', f32Tensor([plan.numPredicted, sample.shape[1]], velocity)]]);
}

async function tembCase(context: GoldenContext, model: LoadedModel): Promise<ReadonlyMap<string, unknown>> {
  const transformer = await model.transformer();
  const timesteps = numbersOf(context, 'timestep');
  const conditions = hasInput(context, 'additional_t_cond') ? numbersOf(context, 'additional_t_cond') : undefined;
  const rows: Float32Array[] = [];
  for (const [i, timestep] of timesteps.entries()) {
    const table = await transformer.modulation({
      timesteps: [timestep],
      ...(conditions ? { additionalTCond: conditions[i] } : {}),
    });
    rows.push((await table.temb.read()) as Float32Array);
    table.dispose();
  }
  return new Map([['temb', f32Tensor([rows.length, rows[0].length], concatenate(rows))]]);
}

async function textEncoderCase(context: GoldenContext, model: LoadedModel): Promise<ReadonlyMap<string, unknown>> {
  const encoder = await model.textEncoder();
  const ids = tensorInput(context, 'input_ids');
  const [batch, length] = ids.shape;
  const mask = numbersOf(context, 'attention_mask');
  const dropIdx = numberInput(context, 'dropIdx');
  const outputs = new Map<string, unknown>();
  const kept: Float32Array[] = [];
  let width = 0;
  for (let sample = 0; sample < batch; sample++) {
    const valid = Array.from(ids.data.slice(sample * length, (sample + 1) * length), Number).filter(
      (_, i) => mask[sample * length + i] === 1,
    );
    const features = await encoder.encode(valid, {
      onLayer: (layer, hidden) =>
        outputs.set(`layer.${layer}`, f32Tensor([1, valid.length, encoder.config.hiddenSize], hidden)),
    });
    width = features.width;
    kept.push(features.data.slice(dropIdx * width));
  }
  const longest = Math.max(...kept.map((rows) => rows.length / width));
  const features = new Float32Array(batch * longest * width);
  const featureMask = new Int32Array(batch * longest);
  kept.forEach((rows, sample) => {
    features.set(rows, sample * longest * width);
    featureMask.fill(1, sample * longest, sample * longest + rows.length / width);
  });
  outputs.set('features', f32Tensor([batch, longest, width], features));
  outputs.set('mask', { dtype: 'I32', shape: [batch, longest], data: featureMask });
  return outputs;
}
