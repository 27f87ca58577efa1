import { readFile, readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { CheckpointError, UsageError } from '../../runtime/errors.ts';
import { fileSource } from '../../runtime/node/file-source.ts';
import { asF64, isFloatDType, isIntDType, toBigInts } from '../../runtime/safetensors/convert.ts';
import { openSafetensors } from '../../runtime/safetensors/reader.ts';
import type { SafetensorsFile } from '../../runtime/safetensors/reader.ts';
import type { GoldenTensor } from './contract.ts';

/** A value in case.json: JSON, or the name of a tensor in tensors.safetensors. */
export type CaseValue = { readonly json: unknown } | { readonly tensor: string };

/** One expected output. */
export interface CaseExpectation {
  readonly output: string;
  readonly wanted: CaseValue;
  readonly check: Readonly<Record<string, unknown>>;
}

/** One `cases/<case>/case.json`, read but not run. */
export interface GoldenCase {
  readonly id: string;
  readonly kind: string;
  readonly about: string;
  readonly root: string;
  readonly folder: string;
  /** Absolute path, or undefined where the case has no model. */
  readonly modelDir: string | undefined;
  readonly inputs: ReadonlyMap<string, CaseValue>;
  readonly expect: readonly CaseExpectation[];
}

const FORMAT = 'layerloom-golden/1';

/**
 * Folders with a case.json under `root/cases`, sorted by name.
 *
 * @throws UsageError if the root has no `cases` folder
 */
export async function findCaseFolders(root: string): Promise<string[]> {
  const folder = join(resolve(root), 'cases');
  const isFolder = await stat(folder).then(
    (entry) => entry.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new UsageError(`golden: a root must hold a folder "cases", got ${root}.`);
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return names.sort().map((name) => join(folder, name));
}

/**
 * Reads a case's description.
 *
 * @param folder the case's folder, `<root>/cases/<case>`
 * @throws CheckpointError rule `golden-case` where the file is missing or not of the format
 */
export async function readCase(folder: string): Promise<GoldenCase> {
  const path = join(folder, 'case.json');
  const fail = (wanted: string): never => {
    throw new CheckpointError(`${path}: ${wanted}.`, { rule: 'golden-case', path });
  };
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new CheckpointError(`${path}: cannot be read as JSON.`, { rule: 'golden-case', path }, { cause: error });
  }
  const fields = recordOf(json) ?? fail('must be a JSON object');
  const { format, id, kind, about, model, inputs, expect } = fields;
  if (format !== FORMAT) fail(`format must be "${FORMAT}", got ${JSON.stringify(format)}`);
  if (typeof id !== 'string' || typeof kind !== 'string') return fail('id and kind must be strings');
  if (!Array.isArray(expect) || expect.length === 0) return fail('expect must be a list that is not empty');
  const root = resolve(folder, '..', '..');
  return {
    id,
    kind,
    about: typeof about === 'string' ? about : '',
    root,
    folder,
    modelDir: typeof model === 'string' ? join(root, model) : undefined,
    inputs: new Map(Object.entries(recordOf(inputs) ?? {}).map(([name, value]) => [name, inputValue(value)])),
    expect: expect.map((entry: unknown) => {
      const { output, check, tensor, ...rest } = recordOf(entry) ?? fail('an expectation must be an object');
      const bounds = recordOf(check);
      if (typeof output !== 'string' || bounds === undefined) return fail('an expectation needs output and check');
      if (typeof tensor === 'string') return { output, wanted: { tensor }, check: bounds };
      if (!Object.hasOwn(rest, 'value')) return fail(`the expected "${output}" needs a tensor or a value`);
      return { output, wanted: { json: rest['value'] }, check: bounds };
    }),
  };
}

/** Reads the tensors that a case names. @throws CheckpointError as the safetensors reader, or for one that is missing */
export async function readCaseTensors(golden: GoldenCase): Promise<ReadonlyMap<string, GoldenTensor>> {
  const values = [...golden.inputs.values(), ...golden.expect.map(({ wanted }) => wanted)];
  const names = new Set(values.flatMap((value) => ('tensor' in value ? [value.tensor] : [])));
  const tensors = new Map<string, GoldenTensor>();
  if (names.size === 0) return tensors;
  const file = await openSafetensors(await fileSource(join(golden.folder, 'tensors.safetensors')));
  try {
    for (const name of names) tensors.set(name, await readTensor(file, name));
  } finally {
    await file.close();
  }
  return tensors;
}

async function readTensor(file: SafetensorsFile, name: string): Promise<GoldenTensor> {
  const bytes = await file.readRaw(name);
  const info = file.info(name);
  const dtype = info?.dtype ?? 'F32';
  const shape = info?.shape ?? [];
  if (dtype === 'F64') return { dtype, shape, data: asF64(bytes) };
  if (isFloatDType(dtype)) return { dtype, shape, data: await file.readF32(name) };
  if (dtype === 'U8' || dtype === 'BOOL') return { dtype, shape, data: bytes };
  if (dtype === 'I32') return { dtype, shape, data: Int32Array.from(toBigInts(dtype, bytes), Number) };
  if (isIntDType(dtype)) return { dtype, shape, data: BigInt64Array.from(toBigInts(dtype, bytes)) };
  throw new CheckpointError(`${file.name}: tensor "${name}": golden cases have no ${dtype}.`, {
    rule: 'unsupported-dtype',
    path: file.name,
    tensor: name,
  });
}

function inputValue(value: unknown): CaseValue {
  const fields = recordOf(value);
  const tensor = fields?.['tensor'];
  return typeof tensor === 'string' && Object.keys(fields ?? {}).length === 1 ? { tensor } : { json: value };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Readonly<Record<string, unknown>>;
}
