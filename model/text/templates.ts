import { UsageError } from '../../runtime/errors.ts';

/** A chat template: where the text goes in, and which part of the features is dropped. */
export interface PromptTemplate {
  /** The whole template, with one `{}` that the text replaces. */
  readonly text: string;
  /** Its beginning, whose tokens' features are dropped. */
  readonly dropped: string;
}

const IMAGE = '<|vision_start|><|image_pad|><|vision_end|>';
const TAIL = '<|im_end|>\n<|im_start|>assistant\n';

const DESCRIBE =
  '<|im_start|>system\nDescribe the image by detailing the color, shape, size, texture, quantity, text, spatial ' +
  'relationships of the objects and background:<|im_end|>\n<|im_start|>user\n';

const EDIT =
  '<|im_start|>system\nDescribe the key features of the input image (color, shape, size, texture, objects, ' +
  "background), then explain how the user's text instruction should alter or modify the image. Generate a new image " +
  "that meets the user's requirements while maintaining consistency with the original input where appropriate." +
  '<|im_end|>\n<|im_start|>user\n';

/** Text-to-image and Layered (`QwenImagePipeline.prompt_template_encode`). */
export const TEXT_TO_IMAGE_TEMPLATE: PromptTemplate = { text: `${DESCRIBE}{}${TAIL}`, dropped: DESCRIBE };

/** Editing with one reference image (`QwenImageEditPipeline`); the image's tokens stay in the features. */
export const EDIT_TEMPLATE: PromptTemplate = { text: `${EDIT}${IMAGE}{}${TAIL}`, dropped: EDIT };

/**
 * Editing with `numImages` reference images (`QwenImageEditPlusPipeline`, 2509 and 2511): `Picture 1: <image>Picture 2:
 * <image>` before the text. With 0 images it is the bare template.
 */
export function editPlusTemplate(numImages: number): PromptTemplate {
  if (!Number.isInteger(numImages) || numImages < 0) {
    throw new UsageError(`edit_plus_template: the number of images must be an integer >= 0, got ${numImages}.`);
  }
  const pictures = Array.from({ length: numImages }, (_, i) => `Picture ${i + 1}: ${IMAGE}`).join('');
  return { text: `${EDIT}${pictures}{}${TAIL}`, dropped: EDIT };
}

/**
 * Parts of a template before and after its `{}`.
 *
 * @throws UsageError if there is not exactly one `{}`
 */
export function splitTemplate(template: string): [before: string, after: string] {
  const parts = template.split('{}');
  if (parts.length !== 2) {
    throw new UsageError(`template: must have exactly one "{}", got ${parts.length - 1}.`);
  }
  return [parts[0], parts[1]];
}

/** The template with its `{}` replaced by `text` verbatim: braces and `$` in the text mean nothing. */
export function fillTemplate(template: string, text: string): string {
  const [before, after] = splitTemplate(template);
  return before + text + after;
}
