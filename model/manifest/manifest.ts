import { ConfigError } from '../../runtime/errors.ts';
import type { DesignLimits } from '../layout/design.ts';
import { MAX_JSON_DEPTH, copyJson, isJsonObject, joinPath, parseJson } from '../layout/json.ts';
import type { JsonRefusal } from '../layout/json.ts';
import { describeValue } from '../layout/rules.ts';
import { DEFAULT_MANIFEST } from './manifest-defaults.ts';
import { manifestSchema } from './manifest-schema.ts';
import type { MrtManifest } from './manifest-schema.ts';

export type { MrtManifest } from './manifest-schema.ts';
export { taskSampling, type TaskSampling } from './task-sampling.ts';

const REMEDIES: Readonly<Record<string, readonly [rule: string, remedy: string]>> = {
  'not-json': ['a manifest is one JSON text in UTF-8', 'Repair the file.'],
  'too-deep': [`a manifest nests at most ${MAX_JSON_DEPTH} deep`, 'Flatten it.'],
  'invalid-type': ['a manifest holds JSON values only', 'Remove the value.'],
  'not-object': ['a manifest is a JSON object', 'Write { "format": "layerloom-mrt/1" }.'],
  format: ['format is "layerloom-mrt/1"', 'Use a matching version of this library, or convert the manifest.'],
  type: ['a key has its JSON type', 'Correct it, or leave it out for the default.'],
  value: ['a key has one of its values', 'Correct it, or leave it out for the default.'],
  range: ['a number lies in its range', 'Correct it, or leave it out for the default.'],
  task: ['sampling.tasks holds t2l, i2l, add and restyle, nothing else', 'Correct the name, or leave it out.'],
  unsupported: ['layerEmbedding is reserved and must be null', 'This version cannot run the checkpoint.'],
};

/**
 * Reads a checkpoint's `mrt.json` and fills in the defaults of golden/kinds-mrt.md section 2.
 *
 * @param source JSON text, its UTF-8 bytes, or a JSON value (undefined or null: all defaults)
 * @param path the file as the caller named it, for messages
 * @throws ConfigError with rule `not-json`, `too-deep`, `not-object`, `format`, `type`, `value`, `range`, `task` or
 * `unsupported`
 */
export function parseManifest(source: unknown, path?: string): MrtManifest {
  const isText = typeof source === 'string' || source instanceof Uint8Array;
  const value = isText ? parseJson(source, MAX_JSON_DEPTH, refuseWith(path)) : source;
  return mergeManifest(DEFAULT_MANIFEST, value, path);
}

/**
 * `base` with the keys of `override` put over it: objects are merged key by key, anything else (arrays too) is replaced
 * whole. Neither is changed.
 *
 * @param override a JSON value; undefined or null changes nothing
 * @throws ConfigError as {@link parseManifest}
 */
export function mergeManifest(base: MrtManifest, override: unknown, path?: string): MrtManifest {
  const refuse = refuseWith(path);
  const merged = copyJson(base, MAX_JSON_DEPTH, refuse) as Record<string, unknown>;
  const over = copyJson(override ?? {}, MAX_JSON_DEPTH, refuse);
  if (!isJsonObject(over)) throw manifestError('not-object', '', describeValue(over), path);
  mergeInto(merged, over);
  const result = manifestSchema.safeParse(merged);
  if (!result.success) {
    const issue = result.error.issues[0];
    // An unknown key is named by its object's issue: the place is the key.
    const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
    const where = [...(issue?.path ?? []), ...unknown];
    const rule = issue !== undefined && Object.hasOwn(REMEDIES, issue.message) ? issue.message : 'type';
    let at: unknown = merged;
    for (const key of where) at = (at as Readonly<Record<PropertyKey, unknown>> | undefined)?.[key];
    throw manifestError(rule, joinPath(where), describeValue(at), path);
  }
  return merged as MrtManifest;
}

/** What the document's own validation needs to know of a manifest. */
export function designLimits(manifest: MrtManifest): DesignLimits {
  return {
    // The format itself allows 50; a manifest that allows fewer is the planner's business, which counts who takes part.
    maxLayers: Math.max(50, manifest.maxLayers),
    maxRatio: manifest.overflow.maxRatio,
    overflow: manifest.overflow.policy,
    i2lOutside: manifest.i2lOutside,
  };
}

/** Both sides are copies without `__proto__` keys and at most MAX_JSON_DEPTH deep, so recursion and assignment are safe. */
function mergeInto(target: Record<string, unknown>, over: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(over)) {
    const old = Object.hasOwn(target, key) ? target[key] : undefined;
    if (isJsonObject(value) && isJsonObject(old)) mergeInto(old as Record<string, unknown>, value);
    else target[key] = value;
  }
}

function refuseWith(path: string | undefined): JsonRefusal {
  return (fault, where, gotText) => {
    throw manifestError(fault, where, gotText, path);
  };
}

function manifestError(rule: string, where: string, gotText: string, path: string | undefined): ConfigError {
  const [text, remedy] = REMEDIES[rule] ?? [rule, ''];
  const place = [path, where].filter((part) => part !== undefined && part !== '').join(': ');
  const message = `manifest: ${text}, got ${gotText}${place === '' ? '' : ` (${place})`}. ${remedy}`;
  return new ConfigError(message, path === undefined ? { rule } : { rule, path });
}
