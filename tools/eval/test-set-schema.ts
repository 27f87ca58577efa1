import * as z from 'zod/mini';
import { DESIGN_TASKS } from '../../model/layout/design-schema.ts';
import { COLOUR_NAMES } from './named-colours.ts';

/** The one format of `set.json`. */
export const SET_FORMAT = 'layerloom-set/1';

/** A folder beside set.json: nothing that leaves it. */
const folderName = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/));
const side = z.int().check(z.minimum(16), z.maximum(4096));
const whole = z.int().check(z.minimum(0));
const share = z.number().check(z.minimum(0), z.maximum(1));
const boxSchema = z.tuple([z.int(), z.int(), z.int(), z.int()]);
/** Layer ids become file names in a set. */
const layerId = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/));

/** `set.json`: the designs of a set, in order. */
export const setSchema = z.looseObject({
  format: z.literal(SET_FORMAT),
  seed: z.int(),
  designs: z.array(
    z.looseObject({
      folder: folderName,
      width: side,
      height: side,
      layers: whole,
      tasks: z.array(z.enum(DESIGN_TASKS)),
    }),
  ),
});

/** Words of one layer. */
const wordsSchema = z.looseObject({
  id: layerId,
  /** `background`, `shape`, `text`, `panel`, `shadow`, `group`. */
  kind: z.string(),
  shape: z.string(),
  colour: z.enum(COLOUR_NAMES),
  /** Of a background; `plain` where it has none. */
  pattern: z.optional(z.string()),
  box: boxSchema,
  visibleShare: z.number(),
  outsideShare: share,
});

/** `meta.json` of a design: what its layers are, bottom first, and what its tasks aim at. */
export const metaSchema = z.looseObject({
  layers: z.array(wordsSchema).check(z.minLength(1)),
  targets: z.array(layerId),
  hiddenBackgroundPixels: whole,
  captions: z.looseObject({ short: z.string(), long: z.string() }),
});

/** Words of one layer. */
export type LayerWords = z.infer<typeof wordsSchema>;
export type SetMeta = z.infer<typeof metaSchema>;
export type SetIndex = z.infer<typeof setSchema>;
