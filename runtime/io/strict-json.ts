/** Any value that JSON.parse can return. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/** Why a text was refused as strict JSON, in the order of testing. */
export type JsonFault = 'not-utf8' | 'too-deep' | 'not-json' | 'duplicate-key';

/** Called with the first fault and a few words for the message; must throw. */
export type RefuseJson = (fault: JsonFault, detail: string) => never;

/** A parsed text, and the keys of its top-level object in the order of the text (JSON.parse moves "7" before "a"). */
export interface StrictJson {
  readonly value: JsonValue;
  readonly keys: readonly string[];
}

/**
 * Parses JSON from an untrusted source: exactly one JSON text, valid UTF-8, no BOM, nested at most `maxDepth` deep
 * (a scalar has depth 0, `[]` depth 1), no object with a key twice (compared after unescaping; JSON.parse would keep
 * the last without a word). Nothing here recurses, so depth costs no stack in any engine.
 *
 * Keys such as `__proto__` arrive as own properties: read them through `jsonField`, `Object.entries` or a `Map`.
 */
export function parseStrictJson(input: string | Uint8Array, maxDepth: number, refuse: RefuseJson): StrictJson {
  const { text, value } = parseBoundedJson(input, maxDepth, refuse);
  const keys: string[] = [];
  const twice = scanKeys(text, keys);
  if (twice !== undefined) refuse('duplicate-key', `key ${quote(twice)} appears twice in one object`);
  return { value, keys };
}

/** The same without a look at the keys: of a key that appears twice the last one counts, as in `JSON.parse`. */
export function parseBoundedJson(
  input: string | Uint8Array,
  maxDepth: number,
  refuse: RefuseJson,
): { readonly text: string; readonly value: JsonValue } {
  const text = typeof input === 'string' ? input : decodeUtf8(input, refuse);
  const depth = nestingDepth(text, maxDepth);
  if (depth > maxDepth) refuse('too-deep', `nested more than ${maxDepth} deep`);
  try {
    return { text, value: JSON.parse(text) as JsonValue };
  } catch (error) {
    return refuse('not-json', error instanceof Error ? firstLine(error.message) : 'it cannot be parsed');
  }
}

/** True for a JSON object: not null, not an array. */
export function isJsonObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own field; an inherited one (`constructor`) is not a field. */
export function jsonField(object: { [key: string]: JsonValue }, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** A value as an error message shows it: quoted, one line, at most about 80 characters. */
export function quote(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : (safeStringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function safeStringify(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined; // a BigInt or a cycle
  }
}

function firstLine(text: string): string {
  // V8 quotes a piece of the input, which may hold line breaks and terminal escapes
  // oxlint-disable-next-line no-control-regex
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
  return line.length > 120 ? `${line.slice(0, 117)}...` : line;
}

function decodeUtf8(bytes: Uint8Array, refuse: RefuseJson): string {
  try {
    // ignoreBOM keeps a BOM in the text, where JSON.parse refuses it
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse('not-utf8', 'it is not valid UTF-8');
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Position of the quote that ends the string starting after `at`, or the text's end. */
function endOfString(text: string, at: number): number {
  for (let i = at; ;) {
    const end = text.indexOf('"', i);
    if (end < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH && end - 1 - slashes >= at) slashes++;
    if (slashes % 2 === 0) return end;
    i = end + 1;
  }
}

/** Greatest nesting depth, or `limit + 1` as soon as it is passed. The text need not be valid JSON. */
function nestingDepth(text: string, limit: number): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) i = endOfString(text, i + 1);
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > deepest) deepest = depth;
      if (depth > limit) return depth;
    } else if (c === 0x7d || c === 0x5d) depth--;
  }
  return deepest;
}

/**
 * Walks a text that JSON.parse has accepted, fills `topKeys` with the top-level object's keys in order and returns the
 * first key that one object has twice.
 */
function scanKeys(text: string, topKeys: string[]): string | undefined {
  const open: (Set<string> | undefined)[] = []; // undefined = an array
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x7b) open.push(new Set());
    else if (c === 0x5b) open.push(undefined);
    else if (c === 0x7d || c === 0x5d) open.pop();
    else if (c === QUOTE) {
      const start = i;
      i = endOfString(text, i + 1);
      const keys = open.at(-1);
      if (keys === undefined || !isKey(text, i + 1)) continue;
      const raw = text.slice(start + 1, i);
      const key = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
      if (keys.has(key)) return key;
      keys.add(key);
      if (open.length === 1) topKeys.push(key);
    }
  }
  return undefined;
}

/** In valid JSON a string is a key exactly when a colon follows. */
function isKey(text: string, at: number): boolean {
  let i = at;
  let c = text.charCodeAt(i);
  while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++i);
  return c === COLON;
}
