import * as z from 'zod/mini';

/** The one manifest format that is read. */
export const MANIFEST_FORMAT = 'layerloom-mrt/1';

/** Pixels per token side: VAE stride 8 x patch 2. */
export const TOKEN_SIDE = 16;

/** Slots of the token sequence. */
export const REGION_SLOTS = ['composed', 'background', 'foreground', 'condition'] as const;

// The message of an issue is the name of the broken rule; issues without one are `type`.

const integerIn = (low: number, high: number) => z.int().check(z.minimum(low, 'range'), z.maximum(high, 'range'));
const numberIn = (low: number, high: number) => z.number().check(z.minimum(low, 'range'), z.maximum(high, 'range'));
const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, { error: (issue) => (typeof issue.input === 'string' ? 'value' : 'type') });
const name = z.string().check(z.minLength(1, 'value'));
const extent = oneOf(['canvas', 'window']);
const sheet = oneOf(['box', 'box+margin', 'canvas']);

/** A folder beside `mrt.json`: relative, one level or more down, never up. */
const folder = z.string().check(z.regex(/^(?!\/)(?!(?:.*\/)?\.{1,2}(?:\/|$))[^\\:\u0000-\u001f]+$/, 'value')); // oxlint-disable-line no-control-regex

/** A permutation of the four slots. */
const regionOrder = z
  .array(oneOf(REGION_SLOTS))
  .check(z.refine((order) => order.length === REGION_SLOTS.length && new Set(order).size === order.length, 'value'));

/** Noise levels by step count: `steps` + 1 strictly falling numbers from at most 1 to 0. */
const sigmaLists = z
  .record(z.string(), z.array(numberIn(0, 1)))
  .check(z.refine((lists) => Object.entries(lists).every(([steps, sigmas]) => isSigmaList(steps, sigmas)), 'value'));

function isSigmaList(steps: string, sigmas: readonly number[]): boolean {
  const isFalling = sigmas.every((sigma, i) => i === 0 || sigma < (sigmas[i - 1] ?? 0));
  return /^[1-9]\d{0,3}$/.test(steps) && sigmas.length === Number(steps) + 1 && isFalling && sigmas.at(-1) === 0;
}

const samplingKeys = {
  form: oneOf(['euler', 'renoise']),
  steps: integerIn(1, 1000),
  cfgScale: numberIn(0, 100),
  sigmas: sigmaLists,
};
const fallbackKeys = {
  timeShift: oneOf(['exponential', 'linear', 'none']),
  baseShift: z.number(),
  maxShift: z.number(),
  baseTokens: z.number(),
  maxTokens: z.number(),
  terminal: z.nullable(z.number().check(z.gte(0, 'range'), z.lt(1, 'range'))),
};

/** One task's keys: those that it sets take the place of the general ones (taskSampling). */
const taskKeys = z.partial(z.looseObject({ ...samplingKeys, fallback: z.partial(z.looseObject(fallbackKeys)) }));

/** Sampling of all tasks, and by task. The tasks are an extension of golden/kinds-mrt.md section 2. */
const sampling = z
  .looseObject({
    ...samplingKeys,
    fallback: z.looseObject(fallbackKeys).check(z.refine((rule) => rule.maxTokens !== rule.baseTokens, 'value')),
    tasks: z.partial(
      z.strictObject(
        { t2l: taskKeys, i2l: taskKeys, add: taskKeys, restyle: taskKeys },
        {
          error: (issue) => (issue.code === 'unrecognized_keys' ? 'task' : 'type'),
        },
      ),
    ),
  })
  .check(
    z.refine(
      ({ fallback, tasks }) =>
        Object.values(tasks).every((own) => {
          const rule = { ...fallback, ...own?.fallback };
          return rule.maxTokens !== rule.baseTokens;
        }),
      { error: 'value', path: ['tasks'] },
    ),
  );

const MAX_MARGIN_TOKENS = 64;
const MAX_POSITION = 1_000_000;

/** `mrt.json` with every key present. Unknown keys are ignored; golden/kinds-mrt.md section 2 is the table. */
export const manifestSchema = z.looseObject({
  format: z.literal(MANIFEST_FORMAT, 'format'),
  folders: z.looseObject({
    transformer: folder,
    encoder: folder,
    decoder: folder,
    textEncoder: folder,
    tokenizer: folder,
  }),
  windowMultiple: integerIn(TOKEN_SIDE, 4096).check(z.multipleOf(TOKEN_SIDE, 'value')),
  windowPolicy: oneOf(['resize', 'reject']),
  maxLayers: integerIn(0, 4096),
  regionOrder,
  composedExtent: z.looseObject({ t2l: extent, i2l: extent, l2l: extent }),
  overflow: z.looseObject({ maxRatio: numberIn(0, 16), policy: oneOf(['reject', 'clip']) }),
  i2lOutside: oneOf(['clip', 'keep']),
  /** Whether layers out of a picture are made to agree with it (model/refine); an extension of golden/kinds-mrt.md section 2. */
  i2lRefine: oneOf(['none', 'picture']),
  rope: z.looseObject({
    theta: z.number().check(z.gt(0, 'range')),
    origin: oneOf(['windowCenter', 'canvasCenter', 'windowTopLeft']),
    layers: z.looseObject({
      composed: integerIn(-MAX_POSITION, MAX_POSITION),
      background: integerIn(-MAX_POSITION, MAX_POSITION),
      foreground: integerIn(-MAX_POSITION, MAX_POSITION),
    }),
    condLayer: z.union([z.literal('target'), integerIn(-MAX_POSITION, MAX_POSITION)], 'value'),
    textStart: z.union(
      [z.enum(['canvasHalf', 'windowHalf', 'maxPosition']), integerIn(-MAX_POSITION, MAX_POSITION)],
      'value',
    ),
  }),
  cleanTimestep: oneOf(['zero', 'shared']),
  condEmbedding: z.looseObject({ tensor: name, addAt: oneOf(['afterImgIn', 'beforeImgIn']) }),
  /** Reserved: only null is understood. */
  layerEmbedding: z.null('unsupported'),
  additionalTCond: integerIn(0, 65_535),
  predicts: oneOf(['z0-eps', 'eps-z0']),
  sampling,
  guidance: z.looseObject({ drops: oneOf(['text']), negativePrompt: z.string(), rescale: oneOf(['none', 'perToken']) }),
  latentInput: oneOf(['rgba-premul', 'rgba-straight', 'rgb-gray']),
  encodeMode: sheet,
  encodeMarginTokens: integerIn(0, MAX_MARGIN_TOKENS),
  decodeMode: sheet,
  decodeMarginTokens: integerIn(0, MAX_MARGIN_TOKENS),
  decodeFill: oneOf(['transparent', 'zero', 'edge']),
  /** One normalised number a latent channel; needed when `decodeFill` is `transparent`. */
  transparentLatent: z.nullable(z.array(z.number()).check(z.minLength(1, 'range'), z.maxLength(256, 'range'))),
  decoderOutput: oneOf(['rgba-premul', 'rgba-straight']),
  /** Decoded alpha below `low` becomes 0, above `high` 1. */
  alpha: z.looseObject({ low: numberIn(0, 1), high: numberIn(0, 1) }),
  prompt: z.looseObject({
    template: z.string().check(z.refine((template) => template.split('{}').length === 2, 'value')),
    dropTokens: integerIn(0, 65_535),
    maxTokens: integerIn(1, 65_535),
    layerOpen: name,
    layerClose: name,
    layerSeparator: z.string(),
    tagEscape: z.string(),
    restyleInstruction: z.string(),
  }),
  /** Step cache that the checkpoint recommends, in the form of a run's `cache` option; used only where a run asks for it. */
  cache: z.nullable(z.looseObject({})),
  dtype: z.looseObject({ compute: z.string() }),
});

/** Everything a checkpoint says about how its tokens, noise levels and pixels are to be read. */
export type MrtManifest = z.infer<typeof manifestSchema>;
