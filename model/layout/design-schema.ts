import * as z from 'zod/mini';
import type { LayoutRule } from './rules.ts';

// Every schema below carries the name of the rule that its issues break: the message of a zod issue IS the rule name.
// `check-design.ts` turns it into a LayoutError. Issues of fields without a name of their own are `invalid-type`.

/** The one format that is read and written. */
export const DESIGN_FORMAT = 'layered-design/1';

/** Blend modes of W3C Compositing level 1, which PSD, ORA and SVG share. */
export const BLEND_MODES = [
  'normal', 'multiply', 'screen', 'overlay', 'darken', 'lighten', 'color-dodge', 'color-burn', 'hard-light', 'soft-light',
  'difference', 'exclusion', 'hue', 'saturation', 'color', 'luminosity',
] as const; // prettier-ignore

/** How a layer is mixed with what lies below it. */
export type BlendMode = (typeof BLEND_MODES)[number];

/** The four jobs of the regional scheme: text to layers, image to layers, layer addition, layer restylization. */
export const DESIGN_TASKS = ['t2l', 'i2l', 'add', 'restyle'] as const;

/** One of {@link DESIGN_TASKS}. */
export type DesignTaskType = (typeof DESIGN_TASKS)[number];

/** Largest window side in pixels. */
export const MAX_SIDE = 65_536;

/** Code points 0-31 and 127-159 are controls; a lone surrogate has no UTF-8 form, so it could be neither hashed nor written. */
const ID_PATTERN = /^[^\u0000-\u001f\u007f-\u009f\ud800-\udfff]{1,256}$/u; // oxlint-disable-line no-control-regex

/**
 * Either an image data URL, or a relative path: no leading slash or space, no colon (so no scheme, drive or stream), no
 * backslash, no control character, no `..` segment, and none of `. / \ NUL` in percent form, which a later decoder
 * could turn into any of these.
 */
const URI_PATTERN =
  /^(?:[dD][aA][tT][aA]:image\/(?:png|jpeg|webp)[;,][\s\S]*|(?![\s/])(?!(?:[\s\S]*\/)?\.\.(?:\/|$))(?![\s\S]*%(?:2[eEfF]|5[cC]|00))[^\\:\u0000-\u001f\u007f]+)$/; // oxlint-disable-line no-control-regex

const rule = (name: LayoutRule): LayoutRule => name;

const integerIn = (low: number, high: number, name: LayoutRule) =>
  z.int(rule(name)).check(z.minimum(low, rule(name)), z.maximum(high, rule(name)));
const numberIn = (low: number, high: number, name: LayoutRule) =>
  z.number(rule(name)).check(z.minimum(low, rule(name)), z.maximum(high, rule(name)));

const idSchema = z.string(rule('invalid-id')).check(z.regex(ID_PATTERN, rule('invalid-id')));
const uriSchema = z.string(rule('invalid-uri')).check(z.regex(URI_PATTERN, rule('invalid-uri')));
const boxItem = z.int(rule('invalid-box'));
const boxSchema = z.tuple([boxItem, boxItem, boxItem, boxItem], rule('invalid-box'));
const text = z.optional(z.nullable(z.string()));

const pictureSchema = z.looseObject(
  { uri: uriSchema, fit: z.optional(z.string()), role: z.optional(z.string()) },
  rule('invalid-source'),
);

const nodeFields = {
  id: idSchema,
  visible: z.optional(z.boolean()),
  locked: z.optional(z.boolean()),
  opacity: z.optional(numberIn(0, 1, 'invalid-opacity')),
  blend: z.optional(z.enum(BLEND_MODES, rule('invalid-blend'))),
  caption: text,
};

const leafSchema = z.looseObject({
  ...nodeFields,
  kind: z.enum(['background', 'image', 'text'], rule('invalid-kind')),
  z: z.int(rule('invalid-z')),
  box: z.optional(z.nullable(boxSchema)),
  source: z.optional(z.nullable(pictureSchema)),
  reference: z.optional(z.nullable(pictureSchema)),
  target: z.optional(z.boolean()),
  angle: z.optional(z.number()),
  text: z.optional(
    z.nullable(
      z.looseObject({
        string: z.optional(z.string()),
        size: z.optional(z.number()),
        align: z.optional(z.string()),
        color: z.optional(z.string()),
        font: z.optional(z.string()),
      }),
    ),
  ),
});

const groupHead = z.looseObject({ ...nodeFields, kind: z.literal('group', rule('invalid-kind')) });

const groupSchema = z.looseObject({
  ...groupHead.shape,
  // Inference cannot close the circle of groups within groups: the annotation does.
  get children(): z.ZodMiniType<DesignNode[]> {
    return z.array(layerSchema, rule('invalid-group'));
  },
});

const layerSchema = z.discriminatedUnion('kind', [leafSchema, groupSchema], {
  error: (issue) => rule(issue.code === 'invalid_union' ? 'invalid-kind' : 'invalid-layer'),
});

const taskSchema = z.looseObject(
  {
    type: z.enum(DESIGN_TASKS, rule('unknown-task')),
    targets: z.optional(z.array(z.string(rule('invalid-targets')), rule('invalid-targets'))),
    // Its `uri` may be absent here: an i2l task without one is `missing-image`, found later.
    image: z.optional(z.nullable(z.looseObject({ uri: z.optional(uriSchema) }, rule('invalid-source')))),
    instruction: text,
  },
  rule('unknown-task'),
);

const samplingSchema = z.looseObject(
  {
    seed: z.optional(integerIn(0, Number.MAX_SAFE_INTEGER, 'invalid-sampling')),
    steps: z.optional(integerIn(1, 1000, 'invalid-sampling')),
    cfg: z.optional(numberIn(0, 100, 'invalid-sampling')),
    scheduler: z.optional(z.enum(['euler', 'renoise'], rule('invalid-sampling'))),
  },
  rule('invalid-sampling'),
);

const resultLayerSchema = z.looseObject({
  id: idSchema,
  quantizedBox: z.optional(z.nullable(boxSchema)),
  tightBox: z.optional(z.nullable(boxSchema)),
  source: z.optional(z.nullable(pictureSchema)),
  warnings: z.optional(z.array(z.string())),
});

const canvasSchema = z.looseObject(
  {
    width: integerIn(1, MAX_SIDE, 'invalid-window'),
    height: integerIn(1, MAX_SIDE, 'invalid-window'),
    overflow: z.optional(
      z.looseObject({ maxRatio: z.optional(numberIn(0, 16, 'invalid-overflow')) }, rule('invalid-overflow')),
    ),
    background: z.optional(z.nullable(z.string())),
  },
  rule('invalid-window'),
);

/** The whole document. The source of type, structural validation and JSON Schema; `check-design.ts` adds what relates fields. */
export const designSchema = z.looseObject(
  {
    format: z.literal(DESIGN_FORMAT, rule('unknown-format')),
    canvas: canvasSchema,
    prompt: z.optional(z.nullable(z.looseObject({ global: text, language: text, negative: text }))),
    layers: z.array(layerSchema, rule('invalid-layers')),
    task: z.optional(taskSchema),
    sampling: z.optional(samplingSchema),
    result: z.optional(
      z.nullable(
        z.looseObject({
          layers: z.optional(z.array(resultLayerSchema)),
          merged: z.optional(z.nullable(z.string())),
          timings: z.optional(z.looseObject({})),
        }),
      ),
    ),
  },
  rule('not-object'),
);

/**
 * A layered design, in and out: window in pixels, layers with box (window-relative, half-open `[x0, y0, x1, y1)`, may
 * be negative or exceed the window), z (unique, bottom first), straight-alpha pixels by reference, and what to do.
 * Unknown fields are kept.
 */
export type LayeredDesign = z.infer<typeof designSchema>;

/** A layer that holds pixels. */
export type DesignLayer = z.infer<typeof leafSchema>;

/** A group of layers: hides (`visible`) and dims (`opacity`) what it holds; its z and box mean nothing. */
export type DesignGroup = z.infer<typeof groupHead> & { children: DesignNode[] };

/** A member of `layers` or of a group. */
export type DesignNode = DesignLayer | DesignGroup;

/** What to do with a design. */
export type DesignTask = z.infer<typeof taskSchema>;

/** One generated layer as a run reports it. */
export type DesignResultLayer = z.infer<typeof resultLayerSchema>;

/** Half-open `[x0, y0, x1, y1)`. */
export type Box = readonly [x0: number, y0: number, x1: number, y1: number];

/** The JSON Schema (draft 2020-12) of a design, made from the same schema that validates it. Relations between fields are not in it. */
export function designJsonSchema(): Readonly<Record<string, unknown>> {
  const names = z.registry<{ id?: string; title?: string; description?: string }>();
  names.add(designSchema, {
    title: 'Layered design',
    description: 'A picture as editable RGBA layers, format layered-design/1.',
  });
  names.add(layerSchema, { id: 'layer', description: 'A layer or a group of layers.' });
  names.add(boxSchema, {
    id: 'box',
    description: 'Half-open [x0, y0, x1, y1) in pixels, relative to the window; may be negative or exceed it.',
  });
  names.add(pictureSchema, { id: 'picture', description: 'Pixels by reference.' });
  return z.toJSONSchema(designSchema, { target: 'draft-2020-12', metadata: names, io: 'input' });
}
