import { parseBoundedJson } from '../../runtime/io/strict-json.ts';

/** What can be wrong with a JSON text or value before its meaning is looked at. */
export type JsonFault = 'not-json' | 'too-deep' | 'invalid-type';

/** Called with the first fault; must throw. `where` is a path such as `layers[2].box`. */
export type JsonRefusal = (fault: JsonFault, where: string, gotText: string) => never;

/** Default nesting limit of documents and manifests. */
export const MAX_JSON_DEPTH = 64;

/**
 * Parses one JSON text without ever recursing and without building anything that nests deeper than `maxDepth`.
 *
 * @param source UTF-8 bytes (decoded strictly; a byte order mark is refused) or text
 * @returns the value as `JSON.parse` gives it; pass it through {@link copyJson} before use
 * @throws what `refuse` throws, with `not-json` or `too-deep`
 */
export function parseJson(source: string | Uint8Array, maxDepth: number, refuse: JsonRefusal): unknown {
  return parseBoundedJson(source, maxDepth, (fault, detail) =>
    refuse(fault === 'too-deep' ? 'too-deep' : 'not-json', '', detail),
  ).value;
}

type JsonContainer = unknown[] | Record<string, unknown>;

/**
 * A deep copy made of plain objects, arrays and scalars only, from own enumerable fields only: inherited fields do not
 * count as fields, and a key `__proto__` is dropped, so no later spread or assignment can pick up a foreign prototype.
 * Fields that are `undefined` are left out. Iterative; a cyclic value is refused as too deep.
 *
 * @throws what `refuse` throws, with `too-deep` or `invalid-type` (a function, symbol, bigint or class instance)
 */
export function copyJson(root: unknown, maxDepth: number, refuse: JsonRefusal): unknown {
  const pending: { from: object; to: JsonContainer; depth: number; where: string }[] = [];

  const copyOf = (value: unknown, depth: number, where: string): unknown => {
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return value;
    if (typeof value !== 'object') return refuse('invalid-type', where, `a ${typeof value}`);
    if (depth > maxDepth) return refuse('too-deep', where, `more than ${maxDepth} levels`);
    if (!Array.isArray(value) && !isPlainObject(value)) return refuse('invalid-type', where, 'an instance of a class');
    const to: JsonContainer = Array.isArray(value) ? [] : {};
    pending.push({ from: value, to, depth, where });
    return to;
  };

  if (root === undefined) return undefined;
  const result = copyOf(root, 1, '');
  for (let job = pending.pop(); job !== undefined; job = pending.pop()) {
    const { from, to, depth, where } = job;
    if (Array.isArray(from) && Array.isArray(to)) {
      for (let i = 0; i < from.length; i++) {
        const item: unknown = from[i];
        to.push(item === undefined ? null : copyOf(item, depth + 1, `${where}[${i}]`));
      }
    } else if (!Array.isArray(to)) {
      for (const [key, value] of Object.entries(from)) {
        if (key === '__proto__' || value === undefined) continue;
        to[key] = copyOf(value, depth + 1, where === '' ? key : `${where}.${key}`);
      }
    }
  }
  return result;
}

/** An object literal of this or another realm, or one without prototype. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === null ||
    (typeof prototype === 'object' &&
      Object.getPrototypeOf(prototype) === null &&
      Object.hasOwn(prototype, 'isPrototypeOf'))
  );
}

/** A JSON object, not an array or null. */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `['layers', 2, 'box']` as `layers[2].box`. */
export function joinPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path)
    text += typeof part === 'number' ? `[${part}]` : text === '' ? String(part) : `.${String(part)}`;
  return text;
}
