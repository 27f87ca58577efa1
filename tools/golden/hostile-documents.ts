import { parseTextEncoderConfig } from '../../model/config/text-encoder-config.ts';
import { parseTransformerConfig } from '../../model/config/transformer-config.ts';
import { parseVaeConfig } from '../../model/config/vae-config.ts';
import { parseDesign, writeDesign } from '../../model/layout/design.ts';
import { buildParts } from './parts.ts';
import { expectAcceptance, expectRefusal } from './vector.ts';
import type { Outcome, Vector } from './vector.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

interface LayoutVector extends Vector {
  readonly edits?: readonly (readonly [Path, Json])[];
  readonly kept?: readonly (readonly [Path, Json])[];
}

/** `hostile-layout.json`. */
export interface LayoutVectors {
  readonly error: string;
  readonly base: Json;
  readonly vectors: readonly LayoutVector[];
  readonly accept: readonly LayoutVector[];
  readonly pollute: readonly LayoutVector[];
}

/** Reads every document; accepted ones are written and read again. */
export async function runLayout({ error: code, base, vectors, accept, pollute }: LayoutVectors): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const vector of accept) {
    const text = layoutText(vector, base);
    const run = async () => {
      const written = JSON.parse(writeDesign(parseDesign(text, vector.name))) as Json;
      const isStable = JSON.stringify(parseDesign(JSON.stringify(written))) === JSON.stringify(written);
      if (!isStable) return { output: 'round-trip', got: 'another document', wanted: 'the same' };
      for (const [path, value] of vector.kept ?? []) {
        const got = JSON.stringify(follow(written, path));
        if (got !== JSON.stringify(value))
          return { output: path.join('.'), got: `${got}`, wanted: JSON.stringify(value) };
      }
      return undefined;
    };
    outcomes.push(await expectAcceptance(`layout/accept/${vector.name}`, 'hostile-layout', text.length, run));
  }
  for (const vector of pollute) outcomes.push(await runPollute(vector, base, code));
  for (const vector of vectors) {
    const text = layoutText(vector, base);
    const run = async () => parseDesign(text, vector.name);
    outcomes.push(await expectRefusal(vector, `layout/${vector.name}`, 'hostile-layout', code, text.length, run));
  }
  return outcomes;
}

async function runPollute(vector: LayoutVector, base: Json, code: string): Promise<Outcome> {
  const id = `layout/pollute/${vector.name}`;
  const text = layoutText(vector, base);
  const before = JSON.stringify(parseDesign(JSON.stringify(base)));
  let outcome: Outcome;
  if (vector.rule === undefined) {
    outcome = await expectAcceptance(id, 'hostile-layout', text.length, async () => {
      try {
        parseDesign(text, vector.name);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === code)) throw error;
      }
      return undefined;
    });
  } else
    outcome = await expectRefusal(vector, id, 'hostile-layout', code, text.length, async () =>
      parseDesign(text, vector.name),
    );
  const leak = ({} as { polluted?: unknown }).polluted;
  const after = JSON.stringify(parseDesign(JSON.stringify(base)));
  return leak === undefined && before === after
    ? outcome
    : { ...outcome, isOk: false, output: 'pollution', got: String(leak), wanted: 'none' };
}

function layoutText(vector: LayoutVector, base: Json): string | Uint8Array {
  if (vector.parts !== undefined) return buildParts(vector.parts);
  if (vector.text !== undefined) return vector.text;
  const document = structuredClone(base);
  for (const [path, value] of vector.edits ?? []) edit(document, path, value);
  return JSON.stringify(document);
}

function edit(document: Json, path: Path, value: Json): void {
  const target = follow(document, path.slice(0, -1));
  const key = path.at(-1);
  if (typeof target !== 'object' || target === null || key === undefined)
    throw new Error(`golden files: no ${path.join('.')}`);
  const isDeletion = typeof value === 'object' && value !== null && '$delete' in value;
  if (isDeletion && Array.isArray(target)) target.splice(Number(key), 1);
  else if (isDeletion) Reflect.deleteProperty(target, key);
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

function follow(value: Json | undefined, path: Path): Json | undefined {
  let at: Json | undefined = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as { [key: string]: Json })[String(key)];
  }
  return at;
}

type ConfigPart = 'transformer' | 'vae' | 'text';

interface ConfigVector extends Vector {
  readonly part: ConfigPart;
  readonly set?: Readonly<Record<string, Json>>;
  readonly delete?: readonly string[];
  readonly nested?: string;
}

/** `hostile-config.json`. */
export interface ConfigVectors {
  readonly error: string;
  readonly base: Readonly<Record<ConfigPart, Readonly<Record<string, Json>>>>;
  readonly vectors: readonly ConfigVector[];
  readonly accept: readonly ConfigVector[];
}

const PARSERS: Readonly<Record<ConfigPart, (text: string | Uint8Array, path: string) => unknown>> = {
  transformer: parseTransformerConfig,
  vae: parseVaeConfig,
  text: parseTextEncoderConfig,
};

/** Reads every config. */
export async function runConfig({ error: code, base, vectors, accept }: ConfigVectors): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const vector of accept) {
    const text = configText(vector, base);
    outcomes.push(
      await expectAcceptance(`config/accept/${vector.name}`, 'hostile-config', text.length, async () => {
        PARSERS[vector.part](text, `${vector.part}/config.json`);
        return undefined;
      }),
    );
  }
  for (const vector of vectors) {
    const text = configText(vector, base);
    const run = async () => PARSERS[vector.part](text, `${vector.part}/config.json`);
    outcomes.push(await expectRefusal(vector, `config/${vector.name}`, 'hostile-config', code, text.length, run));
  }
  return outcomes;
}

function configText(vector: ConfigVector, base: ConfigVectors['base']): string | Uint8Array {
  if (vector.parts !== undefined) return buildParts(vector.parts);
  if (vector.text !== undefined) return vector.text;
  const fields = new Map(Object.entries(base[vector.part]));
  for (const key of vector.delete ?? []) fields.delete(key);
  for (const [key, value] of Object.entries(vector.set ?? {})) fields.set(key, value);
  if (vector.nested === undefined) return JSON.stringify(Object.fromEntries(fields));
  const isTop = (key: string): boolean => key === 'architectures' || key === 'model_type';
  const top = [...fields].filter(([key]) => isTop(key));
  const rest = [...fields].filter(([key]) => !isTop(key));
  return JSON.stringify(Object.fromEntries([...top, [vector.nested, Object.fromEntries(rest)]]));
}
