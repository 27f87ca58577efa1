import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDesign, writeDesign } from '../../../model/layout/design.ts';
import { LayoutError } from '../../../runtime/errors.ts';

interface Part {
  readonly text?: string;
  readonly repeat?: string;
  readonly times?: number;
  readonly each?: string;
  readonly from?: number;
  readonly to?: number;
  readonly join?: string;
}
interface Vector {
  readonly name: string;
  readonly rule?: string;
  readonly also?: readonly string[];
  readonly text?: string;
  readonly parts?: readonly Part[];
  readonly edits?: readonly (readonly [path: readonly (string | number)[], value: unknown])[];
  readonly kept?: readonly (readonly [path: readonly (string | number)[], value: unknown])[];
}
interface VectorFile {
  readonly error: string;
  readonly base: unknown;
  readonly accept: readonly Vector[];
  readonly pollute: readonly Vector[];
  readonly vectors: readonly Vector[];
}

const local = join(import.meta.dirname, '../../golden/files/hostile-layout.json');
const outside =
  process.env['LAYERLOOM_GOLDEN'] === undefined
    ? undefined
    : join(process.env['LAYERLOOM_GOLDEN'], 'files/hostile-layout.json');
const file = [local, outside].find((path) => path !== undefined && existsSync(path));

function partText(part: Part): string {
  if (part.repeat !== undefined) return part.repeat.repeat(part.times ?? 0);
  if (part.each !== undefined) {
    const items = Array.from({ length: (part.to ?? 0) - (part.from ?? 0) }, (_, i) =>
      part.each!.replaceAll('#', String(i + (part.from ?? 0))),
    );
    return items.join(part.join ?? '');
  }
  return part.text!;
}

/** Applies the vector's edits to a fresh copy of the base document. */
function textOf(vector: Vector, base: unknown): string {
  if (vector.text !== undefined) return vector.text;
  if (vector.parts !== undefined) return vector.parts.map(partText).join('');
  const document = structuredClone(base);
  for (const [path, value] of vector.edits ?? []) {
    const last = path.at(-1)!;
    let place = document as Record<string | number, unknown>;
    for (const key of path.slice(0, -1)) place = place[key] as Record<string | number, unknown>;
    if (typeof value === 'object' && value !== null && '$delete' in value) delete place[last];
    else place[last] = structuredClone(value);
  }
  return JSON.stringify(document);
}

describe.skipIf(file === undefined)('layered designs from the golden files', () => {
  const vectors = JSON.parse(
    file === undefined ? '{"accept":[],"pollute":[],"vectors":[]}' : readFileSync(file, 'utf8'),
  ) as VectorFile;

  it.each(vectors.accept)('opens $name', (vector) => {
    const text = textOf(vector, vectors.base);
    const design = parseDesign(text, 'poster.json');
    expect(design).toEqual(JSON.parse(text));
    const again = parseDesign(writeDesign(design)) as unknown;
    for (const [path, value] of vector.kept ?? []) {
      expect(path.reduce<unknown>((at, key) => (at as Record<string | number, unknown>)[key], again)).toEqual(value);
    }
  });

  it.each(vectors.vectors)('refuses $name as $rule', (vector) => {
    const text = textOf(vector, vectors.base);
    let error: unknown;
    try {
      parseDesign(new TextEncoder().encode(text), 'poster.json');
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(LayoutError);
    const { code, rule, path, message } = error as LayoutError;
    expect([vector.rule, ...(vector.also ?? [])]).toContain(rule);
    expect(code).toBe(vectors.error);
    expect(path).toBe('poster.json');
    expect(message).toMatch(/^design: .+, got [^]+ \(poster\.json[^]*\)\. .+\.$/u);
    expect(message.length).toBeLessThan(600);
  });

  it.each(vectors.pollute)('is not polluted by $name', (vector) => {
    const text = textOf(vector, vectors.base);
    if (vector.rule !== undefined) {
      expect(() => parseDesign(text)).toThrow(expect.objectContaining({ code: vectors.error }) as Error);
    } else {
      try {
        const design = parseDesign(text);
        expect((design as Record<string, unknown>)['polluted']).toBeUndefined();
        expect((design.canvas as Record<string, unknown>)['polluted']).toBeUndefined();
      } catch (error) {
        expect(error).toBeInstanceOf(LayoutError);
      }
    }
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});
