import { LayoutError } from '../../runtime/errors.ts';
import type { PromptTemplate } from './templates.ts';
import type { QwenTokenizer } from './tokenizer.ts';

/** A prompt as ids, and which rows of the text encoder's output become features. */
export interface TokenizedPrompt {
  /** Ids to run the text encoder on. */
  readonly ids: readonly number[];
  /** Leading rows to drop: the template's beginning. */
  readonly dropTokens: number;
  /** Rows to keep at most after the drop; the template's tail is cut with the rest. Infinity for no limit. */
  readonly maxTokens: number;
}

/** Limits of Qwen-Image's own pipelines: ids that are encoded beyond the dropped ones, and features kept by default. */
export const QWEN_IMAGE_TOKEN_LIMIT = 1024;
export const QWEN_IMAGE_MAX_SEQUENCE = 512;

/**
 * Tokenizes a prompt as Qwen-Image's pipelines do: fill the template, cut the ids to `limit` beyond the dropped ones (no
 * cut for editing), later drop and cut the features. The number of dropped tokens is counted in this tokenizer, never
 * assumed, and does not depend on the prompt.
 *
 * @param options.limit ids kept beyond the dropped ones; Infinity for Edit and Layered
 * @param options.maxTokens features kept; Infinity for Edit
 */
export function tokenizePrompt(
  tokenizer: QwenTokenizer,
  template: PromptTemplate,
  text: string,
  options: { readonly limit?: number; readonly maxTokens?: number } = {},
): TokenizedPrompt {
  const dropTokens = tokenizer.countTemplateTokens(template.dropped);
  const ids = tokenizer.encode(text, {
    template: template.text,
    maxLength: (options.limit ?? QWEN_IMAGE_TOKEN_LIMIT) + dropTokens,
  });
  return { ids, dropTokens, maxTokens: options.maxTokens ?? QWEN_IMAGE_MAX_SEQUENCE };
}

/** The `prompt` part of a regional checkpoint's manifest (`golden/kinds-mrt.md` section 2). */
export interface PromptManifest {
  /** Chat template with one `{}`. */
  readonly template: string;
  /** Rows of the encoder's output to drop. */
  readonly dropTokens: number;
  /** Rows to keep at most after the drop. */
  readonly maxTokens: number;
  readonly layerOpen: string;
  readonly layerClose: string;
  readonly layerSeparator: string;
  /** What the first character of a tag inside a caption becomes. */
  readonly tagEscape: string;
  /** Text of a restyle task without its own instruction. */
  readonly restyleInstruction: string;
}

/** What prompts read of a layered design. A validated `LayeredDesign` fits. */
export interface PromptDocument {
  readonly prompt?: { readonly global?: string | null; readonly negative?: string | null } | null | undefined;
  readonly task?:
    | { readonly type: string; readonly targets?: readonly string[]; readonly instruction?: string | null }
    | undefined;
  readonly layers: readonly PromptLayer[];
}

/** A layer or group as prompts see it. */
export interface PromptLayer {
  readonly id: string;
  readonly z?: number;
  readonly caption?: string | null | undefined;
  readonly target?: boolean | undefined;
  readonly children?: readonly PromptLayer[];
}

/**
 * The user part of a regional prompt, before the template (`golden/kinds-mrt.md` section 4).
 *
 * Text and image to layers: the global caption. Restyle: the instruction, else the manifest's. Add: the captions of the
 * targets in z order, each in layer tags, with tags inside a caption escaped.
 *
 * @throws LayoutError rule `unknown-task`
 */
export function regionalPromptText(document: PromptDocument, manifest: PromptManifest): string {
  const { task } = document;
  switch (task?.type) {
    case 't2l':
    case 'i2l':
      return document.prompt?.global ?? '';
    case 'restyle':
      return task.instruction || manifest.restyleInstruction;
    case 'add':
      return targetLeaves(document.layers, new Set(task.targets))
        .sort((a, b) => (a.z ?? 0) - (b.z ?? 0))
        .map(({ caption }) => manifest.layerOpen + escapeCaption(caption ?? '', manifest) + manifest.layerClose)
        .join(manifest.layerSeparator);
    default:
      throw new LayoutError(`design: task.type must be t2l, i2l, add or restyle, got ${JSON.stringify(task?.type)}.`, {
        rule: 'unknown-task',
      });
  }
}

/**
 * What the unconditional branch says: the document's negative prompt if it is a string (an empty one too), else the
 * manifest's `guidance.negativePrompt`.
 */
export function regionalNegativeText(document: PromptDocument, defaultNegative: string): string {
  const negative = document.prompt?.negative;
  return typeof negative === 'string' ? negative : defaultNegative;
}

/** Tokenizes a regional prompt: the manifest says how many rows are dropped and kept, nothing is cut before encoding. */
export function tokenizeRegionalPrompt(
  tokenizer: QwenTokenizer,
  manifest: PromptManifest,
  text: string,
): TokenizedPrompt {
  const ids = tokenizer.encode(text, { template: manifest.template });
  return { ids, dropTokens: manifest.dropTokens, maxTokens: manifest.maxTokens };
}

/**
 * Makes layer tags inside a caption harmless: where the text equals the opening tag (tried first) or the closing one, ASCII
 * letters in any case, the tag's first character becomes `tagEscape`. Nothing else changes.
 */
export function escapeCaption(
  caption: string,
  manifest: Pick<PromptManifest, 'layerOpen' | 'layerClose' | 'tagEscape'>,
): string {
  const tags = [manifest.layerOpen, manifest.layerClose].filter((tag) => tag !== '');
  const folded = foldAscii(caption);
  let escaped = '';
  for (let i = 0; i < caption.length;) {
    const tag = tags.find((candidate) => folded.startsWith(foldAscii(candidate), i));
    if (tag === undefined) {
      escaped += caption[i];
      i += 1;
    } else {
      const first = (tag.codePointAt(0) ?? 0) > 0xffff ? 2 : 1;
      escaped += manifest.tagEscape + caption.slice(i + first, i + tag.length);
      i += tag.length;
    }
  }
  return escaped;
}

/** Lowers A-Z only, so that lengths and positions stay those of the text. */
function foldAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function targetLeaves(layers: readonly PromptLayer[], targets: ReadonlySet<string>): PromptLayer[] {
  return layers.flatMap((layer) => {
    if (layer.children !== undefined) return targetLeaves(layer.children, targets);
    return layer.target === true || targets.has(layer.id) ? [layer] : [];
  });
}
