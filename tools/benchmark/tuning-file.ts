import { readFile } from 'node:fs/promises';
import type { TuningTable } from '../../kernels/tuning.ts';
import type { Engine } from '../../runtime/engine.ts';
import { UsageError } from '../../runtime/errors.ts';
import { writeFileAtomic } from '../../runtime/node/write-file.ts';
import type { TuneResult } from './tuner.ts';

/** What `--tune` writes and `--tuning` reads. */
interface TuningFile {
  readonly format: 'layerloom-tuning';
  readonly version: 1;
  /** The adapter's words: a table is of no use on another device. */
  readonly device: string;
  readonly table: TuningTable;
  /** What was measured, for people. */
  readonly results: readonly TuneResult[];
}

/** Writes a table with the measurements that it rests on. */
export async function writeTuning(
  file: string,
  engine: Engine,
  tuned: { readonly table: TuningTable; readonly results: readonly TuneResult[] },
): Promise<void> {
  const content: TuningFile = { format: 'layerloom-tuning', version: 1, device: engine.info.description, ...tuned };
  await writeFileAtomic(file, [new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`)]);
}

/**
 * Reads a table.
 *
 * @throws UsageError if the file cannot be read or is no tuning file
 */
export async function readTuning(file: string): Promise<{ readonly table: TuningTable; readonly device: string }> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`bench: --tuning ${file} cannot be read: ${String(cause)}.`, { cause });
  }
  const { format, version, device, table } = (value ?? {}) as Partial<TuningFile>;
  const isTable =
    typeof table === 'object' && table !== null && Object.values(table).every((name) => typeof name === 'string');
  if (format !== 'layerloom-tuning' || version !== 1 || typeof device !== 'string' || !isTable)
    throw new UsageError(
      `bench: --tuning ${file} is no layerloom-tuning file of version 1. Make one with --tune FILE.`,
    );
  return { table, device };
}
