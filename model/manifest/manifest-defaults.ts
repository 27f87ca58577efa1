import type { MrtManifest } from './manifest-schema.ts';

/** The chat template of Qwen-Image's text-to-image pipeline, verbatim. */
export const T2I_TEMPLATE =
  '<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, spatial ' +
  'relationships of the objects and background:<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n';

/** What a manifest says where it says nothing (golden/kinds-mrt.md section 2). */
export const DEFAULT_MANIFEST: MrtManifest = {
  format: 'layerloom-mrt/1',
  folders: {
    transformer: 'transformer',
    encoder: 'vae',
    decoder: 'vae',
    textEncoder: 'text_encoder',
    tokenizer: 'tokenizer',
  },
  windowMultiple: 16,
  windowPolicy: 'resize',
  maxLayers: 50,
  regionOrder: ['composed', 'background', 'foreground', 'condition'],
  composedExtent: { t2l: 'canvas', i2l: 'window', l2l: 'canvas' },
  overflow: { maxRatio: 0.5, policy: 'reject' },
  i2lOutside: 'clip',
  i2lRefine: 'none',
  rope: {
    theta: 10_000,
    origin: 'windowCenter',
    layers: { composed: 0, background: 1, foreground: 2 },
    condLayer: 'target',
    textStart: 'canvasHalf',
  },
  cleanTimestep: 'zero',
  condEmbedding: { tensor: 'cond_embed', addAt: 'afterImgIn' },
  layerEmbedding: null,
  additionalTCond: 0,
  predicts: 'z0-eps',
  sampling: {
    form: 'euler',
    steps: 8,
    cfgScale: 1,
    sigmas: {},
    fallback: {
      timeShift: 'exponential',
      baseShift: 0.5,
      maxShift: 0.9,
      baseTokens: 256,
      maxTokens: 8192,
      terminal: 0.02,
    },
    tasks: {},
  },
  guidance: { drops: 'text', negativePrompt: '', rescale: 'none' },
  latentInput: 'rgba-premul',
  encodeMode: 'box+margin',
  encodeMarginTokens: 1,
  decodeMode: 'box+margin',
  decodeMarginTokens: 1,
  decodeFill: 'transparent',
  transparentLatent: null,
  decoderOutput: 'rgba-premul',
  alpha: { low: 2 / 255, high: 253 / 255 },
  prompt: {
    template: T2I_TEMPLATE,
    dropTokens: 34,
    maxTokens: 512,
    layerOpen: '<layer>',
    layerClose: '</layer>',
    layerSeparator: '',
    tagEscape: '&lt;',
    restyleInstruction: 'Harmonize these layers',
  },
  cache: null,
  dtype: { compute: 'f32' },
};
