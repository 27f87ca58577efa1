import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../runtime/errors.ts';
import { writeFileAtomic } from '../../runtime/node/write-file.ts';
import type { OutputDifference } from './compare-outputs.ts';
import { loadOutput, saveOutput, type RunOutput } from './run-output.ts';
import type { RunCost } from './run-setting.ts';
import type { NamedSetting } from './study-plan.ts';

/** What a study is about: a folder holds one study, and is resumed only by the same one. */
export interface StudyIdentity {
  readonly model: string;
  /** Of a part of the weights: a checkpoint that was trained on is another one. */
  readonly fingerprint: string;
  readonly task: string;
  readonly seed: number;
  readonly device: string;
  /** What speeds are ratios of: `wall` time on a GPU; `cpu` time on a software driver, which shares its cores with others. */
  readonly clock: 'wall' | 'cpu';
  /** Designs, in order. */
  readonly designs: readonly string[];
}

/** One setting on one design. */
export interface StudyRecord {
  readonly key: string;
  readonly setting: NamedSetting;
  readonly design: string;
  readonly cost: RunCost;
  /** Against the uncached full-precision run with the same steps, sampler and guidance. Null for that run itself. */
  readonly twin: OutputDifference | null;
  /** Against the study's base at full precision, uncached. Null for that run itself. */
  readonly base: OutputDifference | null;
}

/**
 * A study's folder: study.json (what it is about), records/ (one file a run) and reference/ (outputs of uncached
 * full-precision runs). Every file appears whole or not at all, so a study goes on where it was stopped.
 */
export class StudyStore {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @throws UsageError if the folder holds another study */
  static async open(folder: string, identity: StudyIdentity, signal?: AbortSignal): Promise<StudyStore> {
    await mkdir(join(folder, 'records'), { recursive: true });
    const path = join(folder, 'identity.json');
    const text = `${JSON.stringify(identity, null, 2)}\n`;
    let found: string | undefined;
    try {
      found = await readFile(path, 'utf8');
    } catch {
      await writeFileAtomic(path, [new TextEncoder().encode(text)], signal);
    }
    if (found !== undefined && found !== text)
      throw new UsageError(
        `study: ${folder} holds another study (${differenceOf(JSON.parse(found), identity)}). Choose another --output, or delete it.`,
      );
    return new StudyStore(folder);
  }

  async record(key: string, design: string): Promise<StudyRecord | undefined> {
    try {
      return parseNumbers(await readFile(this.#recordPath(key, design), 'utf8')) as StudyRecord;
    } catch {
      return undefined; // not run yet
    }
  }

  async addRecord(record: StudyRecord, signal?: AbortSignal): Promise<void> {
    const text = `${stringifyNumbers(record)}\n`;
    await writeFileAtomic(this.#recordPath(record.key, record.design), [new TextEncoder().encode(text)], signal);
  }

  reference(key: string, design: string): Promise<RunOutput | undefined> {
    return loadOutput(this.#referencePath(key, design));
  }

  addReference(key: string, design: string, output: RunOutput, signal?: AbortSignal): Promise<void> {
    return saveOutput(this.#referencePath(key, design), output, signal);
  }

  #recordPath(key: string, design: string): string {
    return join(this.folder, 'records', `${key}-${design}.json`);
  }

  #referencePath(key: string, design: string): string {
    return join(this.folder, 'reference', `${key}-${design}.safetensors`);
  }
}

/** JSON has no Infinity: it is written as a string and read back. */
export function stringifyNumbers(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? String(item) : item,
  );
}

/** Reads what `stringifyNumbers` wrote. */
export function parseNumbers(text: string): unknown {
  return JSON.parse(text, (_, item: unknown) =>
    item === 'Infinity' || item === '-Infinity' || item === 'NaN' ? Number(item) : item,
  );
}

function differenceOf(found: StudyIdentity, wanted: StudyIdentity): string {
  const key = (Object.keys(wanted) as (keyof StudyIdentity)[]).find(
    (name) => JSON.stringify(found[name]) !== JSON.stringify(wanted[name]),
  );
  return key === undefined
    ? 'of another form'
    : `${key}: ${JSON.stringify(found[key])}, now ${JSON.stringify(wanted[key])}`;
}
