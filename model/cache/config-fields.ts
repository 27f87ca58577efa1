import { ConfigError } from '../../runtime/errors.ts';

/** A refused cache configuration: `cache: FIELD RULE, got VALUE.` */
export function cacheError(field: string, rule: string, ...got: readonly unknown[]): ConfigError {
  const value = got.length > 0 ? `, got ${JSON.stringify(got[0]) ?? 'nothing'}` : '';
  return new ConfigError(`cache: ${field} ${rule}${value}.`, { rule: 'cache' });
}

/**
 * Reads the fields of a configuration under their own or another project's names, and refuses what is left over.
 * A field that is absent has its default.
 */
export class FieldReader<Name extends string> {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #aliases: Readonly<Partial<Record<Name, string>>>;
  readonly #method: string;
  readonly #known = new Set<string>();

  constructor(
    fields: Readonly<Record<string, unknown>>,
    aliases: Readonly<Partial<Record<Name, string>>>,
    method: string,
  ) {
    this.#fields = fields;
    this.#aliases = aliases;
    this.#method = method;
  }

  #take(name: Name): { value: unknown; name: string } {
    const alias = this.#aliases[name];
    this.#known.add(name);
    if (alias !== undefined) this.#known.add(alias);
    const own = this.#fields[name];
    const other = alias === undefined || alias === name ? undefined : this.#fields[alias];
    if (own !== undefined && other !== undefined) throw cacheError(name, `and ${alias} are the same field: give one`);
    return own === undefined && other !== undefined ? { value: other, name: alias ?? name } : { value: own, name };
  }

  asNumber(name: string, value: unknown): number {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw cacheError(name, 'must be a number', value);
    return value;
  }

  number(field: Name, fallback: number): number {
    const { value, name } = this.#take(field);
    return value === undefined ? fallback : this.asNumber(name, value);
  }

  integer(field: Name, fallback: number, least?: number): number {
    const { value, name } = this.#take(field);
    if (value === undefined) return fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || (least !== undefined && value < least))
      throw cacheError(name, `must be a whole number${least === undefined ? '' : ` of at least ${least}`}`, value);
    return value;
  }

  boolean(field: Name, fallback: boolean): boolean {
    const { value, name } = this.#take(field);
    if (value === undefined) return fallback;
    if (typeof value !== 'boolean') throw cacheError(name, 'must be true or false', value);
    return value;
  }

  choice<T extends string>(field: Name, fallback: T, choices: readonly T[]): T {
    const { value, name } = this.#take(field);
    if (value === undefined) return fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined)
      throw cacheError(name, `must be ${choices.map((choice) => `"${choice}"`).join(' or ')}`, value);
    return found;
  }

  /** A field that may be null. */
  orNull<T>(field: Name, fallback: T | null, read: (name: string, value: unknown) => T): T | null {
    const { value, name } = this.#take(field);
    return value === undefined ? fallback : value === null ? null : read(name, value);
  }

  /** @throws ConfigError `cache` that names the first field nobody read */
  finish(): void {
    for (const name of Object.keys(this.#fields))
      if (!this.#known.has(name)) throw cacheError(name, `is no field of method "${this.#method}"`);
  }
}
