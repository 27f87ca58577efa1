import { ConfigError } from '../../runtime/errors.ts';
import { ConfigReader } from './config-reader.ts';

/** Configuration of the Qwen2.5-VL language model, names as in config.json. Defaults are the 7B model's. */
export interface TextEncoderConfig {
  /** Default 3584. */
  readonly hiddenSize: number;
  /** Default 28. */
  readonly numHiddenLayers: number;
  /** Query heads. Default 28. */
  readonly numAttentionHeads: number;
  /** Key and value heads; each serves numAttentionHeads / numKeyValueHeads query heads in a row. Default 4. */
  readonly numKeyValueHeads: number;
  /** hiddenSize / numAttentionHeads; even. */
  readonly headDim: number;
  /** Default 18944. */
  readonly intermediateSize: number;
  /** Default 152064. */
  readonly vocabSize: number;
  /** In (0, 1). Default 1e-6. */
  readonly rmsNormEps: number;
  /** Default 1e6. */
  readonly ropeTheta: number;
  /** Rotary frequencies that take time, height and width positions; their sum is headDim / 2. Equal positions for text. */
  readonly mropeSection: readonly [time: number, height: number, width: number] | undefined;
  /** lm_head shares the embedding table. Default false; the engine uses no lm_head. */
  readonly tieWordEmbeddings: boolean;
}

/**
 * Parses and validates `text_encoder/config.json`; newer exports nest the language model under `text_config` and its
 * rotary settings under `rope_parameters`. Rules: `test/golden/files.md` section 6.
 * @throws ConfigError with the broken rule; `unsupported` also for rope scaling other than `mrope` and `default`.
 */
export function parseTextEncoderConfig(
  text: string | Uint8Array,
  path = 'text_encoder/config.json',
): TextEncoderConfig {
  const top = ConfigReader.parse(text, path);
  top.requireClass('model_type', 'qwen2_5_vl');
  const config = top.nested('text_config') ?? top;
  const hiddenSize = config.integer('hidden_size', 3584, 1, 65_536);
  const numHiddenLayers = config.integer('num_hidden_layers', 28, 1, 512);
  const numAttentionHeads = config.integer('num_attention_heads', 28, 1, 1024);
  const numKeyValueHeads = config.integer('num_key_value_heads', 4, 1, 1024);
  const intermediateSize = config.integer('intermediate_size', 18_944, 1, 262_144);
  const vocabSize = config.integer('vocab_size', 152_064, 1, 1_048_576);
  const rmsNormEps = config.number('rms_norm_eps', 1e-6, (eps) => eps > 0 && eps < 1, 'a number in (0, 1)');
  const tieWordEmbeddings = config.boolean('tie_word_embeddings', false);
  const act = config.get('hidden_act');
  if (act !== undefined && act !== 'silu') config.refuse('unsupported', 'hidden_act', '"silu"');
  if (hiddenSize % numAttentionHeads !== 0)
    config.refuse('divides', 'hidden_size', `a multiple of num_attention_heads (${numAttentionHeads})`);
  if (numAttentionHeads % numKeyValueHeads !== 0)
    config.refuse('divides', 'num_attention_heads', `a multiple of num_key_value_heads (${numKeyValueHeads})`);
  const headDim = hiddenSize / numAttentionHeads;
  const rope = config.nested('rope_parameters') ?? config.nested('rope_scaling');
  const mropeSection = rope === undefined ? undefined : readMropeSection(rope, headDim);
  if (headDim % 2 !== 0)
    throw new ConfigError(
      `${path}: hidden_size / num_attention_heads must be even for rotary embedding, got ${hiddenSize} / ${numAttentionHeads}.`,
      { rule: 'head-size', path },
    );
  // the nested form has theta beside the sections, the old one beside hidden_size
  const theta = rope?.get('rope_theta') === undefined ? config : rope;
  const ropeTheta = theta.number('rope_theta', 1e6, (n) => n > 0 && Number.isFinite(n), 'a finite number > 0');
  return {
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    intermediateSize,
    vocabSize,
    rmsNormEps,
    ropeTheta,
    mropeSection,
    tieWordEmbeddings,
  };
}

function readMropeSection(rope: ConfigReader, headDim: number): readonly [number, number, number] | undefined {
  for (const key of ['rope_type', 'type']) {
    const type = rope.get(key);
    if (type !== undefined && type !== null && type !== 'mrope' && type !== 'default')
      rope.refuse('unsupported', key, '"mrope" or "default"');
  }
  if (rope.get('mrope_section') === undefined) return undefined;
  const section = rope.integers('mrope_section', []);
  const [time = 0, height = 0, width = 0] = section;
  const isRight = section.length === 3 && section.every((n) => n > 0) && (time + height + width) * 2 === headDim;
  if (!isRight)
    rope.refuse(
      'rope-axes',
      'mrope_section',
      `three positive numbers that sum to half of the head size (${headDim} / 2)`,
    );
  return [time, height, width];
}
