import { ConfigError } from '../../runtime/errors.ts';
import { isJsonObject, jsonField, parseStrictJson, quote } from '../../runtime/io/strict-json.ts';
import type { JsonValue } from '../../runtime/io/strict-json.ts';

/** Deepest JSON nesting of a config. */
const MAX_CONFIG_DEPTH = 64;

/**
 * Reads fields of one JSON object of a config file, with defaults and ranges. Missing keys take the default; unknown
 * keys are never looked at. Every method throws ConfigError that names file, key, rule and value.
 */
export class ConfigReader {
  readonly path: string;
  readonly #object: { [key: string]: JsonValue };

  private constructor(object: { [key: string]: JsonValue }, path: string) {
    this.#object = object;
    this.path = path;
  }

  /** @throws ConfigError `not-json`, `too-deep`, `duplicate-key`, `not-object`. */
  static parse(text: string | Uint8Array, path: string): ConfigReader {
    const { value } = parseStrictJson(text, MAX_CONFIG_DEPTH, (fault, detail) => {
      throw new ConfigError(`${path}: must be one JSON object, but ${detail}.`, {
        rule: fault === 'not-utf8' ? 'not-json' : fault,
        path,
      });
    });
    if (!isJsonObject(value))
      throw new ConfigError(`${path}: must be a JSON object, got ${quote(value)}.`, { rule: 'not-object', path });
    return new ConfigReader(value, path);
  }

  /** Throws the error of a key. @param wanted completes "must be ...". */
  refuse(rule: string, key: string, wanted: string): never {
    throw new ConfigError(`${this.path}: ${key} must be ${wanted}, got ${quote(this.get(key) ?? 'nothing')}.`, {
      rule,
      path: this.path,
    });
  }

  /** The raw value of an own field. */
  get(key: string): JsonValue | undefined {
    return jsonField(this.#object, key);
  }

  /** Reader of a nested object; undefined where the field is absent, null or something else. */
  nested(key: string): ConfigReader | undefined {
    const value = this.get(key);
    return isJsonObject(value) ? new ConfigReader(value, this.path) : undefined;
  }

  /** Rule `class`: where the key is present it must have this value. */
  requireClass(key: string, supported: string): void {
    const value = this.get(key);
    if (value !== undefined && value !== supported) this.refuse('class', key, `"${supported}"`);
  }

  /** An integer in `min..max`; rules `type` and `range`. */
  integer(key: string, fallback: number, min: number, max: number): number {
    const given = this.get(key);
    const value = given === undefined ? fallback : given;
    const wanted = `an integer in ${min}..${max}`;
    if (typeof value !== 'number') return this.refuse('type', key, wanted);
    // JSON.parse makes Infinity of 1e400: a number out of range
    if (value < min || value > max) return this.refuse('range', key, wanted);
    return Number.isInteger(value) ? value : this.refuse('type', key, wanted);
  }

  /** A number that passes `isInRange`; rules `type` and `range`. @param wanted completes "must be ...". */
  number(key: string, fallback: number, isInRange: (value: number) => boolean, wanted: string): number {
    const value = this.get(key);
    if (value === undefined) return fallback;
    if (typeof value !== 'number') return this.refuse('type', key, wanted);
    return isInRange(value) ? value : this.refuse('range', key, wanted);
  }

  /** true or false; rule `type`. */
  boolean(key: string, fallback: boolean): boolean {
    const value = this.get(key);
    if (value === undefined) return fallback;
    return typeof value === 'boolean' ? value : this.refuse('type', key, 'true or false');
  }

  /** A list of integers of any size; rule `type`. */
  integers(key: string, fallback: readonly number[]): readonly number[] {
    const list = this.numbers(key, fallback);
    return list.every((n) => Number.isInteger(n)) ? list : this.refuse('type', key, 'a list of integers');
  }

  /** A list of numbers; rule `type`. */
  numbers(key: string, fallback: readonly number[]): readonly number[] {
    const value = this.get(key);
    if (value === undefined) return fallback;
    if (!Array.isArray(value)) return this.refuse('type', key, 'a list of numbers');
    return value.map((n) => (typeof n === 'number' ? n : this.refuse('type', key, 'a list of numbers')));
  }

  /** A list of booleans; rule `type`. */
  booleans(key: string, fallback: readonly boolean[]): readonly boolean[] {
    const value = this.get(key);
    if (value === undefined) return fallback;
    if (!Array.isArray(value)) return this.refuse('type', key, 'a list of true and false');
    return value.map((b) => (typeof b === 'boolean' ? b : this.refuse('type', key, 'a list of true and false')));
  }
}
