import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { memorySource } from '../../runtime/io/byte-source.ts';
import { readPng } from '../../runtime/image/png.ts';
import { openWeightSource } from '../../runtime/weights/open-weights.ts';
import { runConfig, runLayout } from './hostile-documents.ts';
import type { ConfigVectors, LayoutVectors } from './hostile-documents.ts';
import { runIndex } from './hostile-index.ts';
import type { IndexVectors } from './hostile-index.ts';
import { buildParts } from './parts.ts';
import { readJson, runValid } from './valid-files.ts';
import type { ValidFiles } from './valid-files.ts';
import { expectAcceptance, expectRefusal, outcomeLine } from './vector.ts';
import type { Outcome, Vector } from './vector.ts';

interface HostileVectors {
  readonly error: string;
  readonly vectors: readonly Vector[];
}

interface PngVectors extends HostileVectors {
  readonly accept: readonly {
    readonly name: string;
    readonly width: number;
    readonly height: number;
    readonly png: string;
    readonly rgba: string | null;
  }[];
}

export interface RunFilesOptions {
  /** Only vectors whose id contains this text. */
  readonly filter?: string;
  /** Only these kinds: `valid`, `hostile-safetensors`, `hostile-gzip`, ... */
  readonly kinds?: readonly string[];
  /** Called with each line as soon as it is known. */
  readonly onLine?: (line: string) => void;
}

export interface RunFilesResult {
  readonly passed: number;
  readonly failed: number;
  readonly lines: readonly string[];
  readonly outcomes: readonly Outcome[];
}

/** Which file of a folder holds which kind, and how it is run. A kind whose file is absent is skipped. */
const RUNNERS: readonly (readonly [kind: string, run: (folder: string) => Promise<Outcome[]>])[] = [
  [
    'hostile-safetensors',
    async (folder) => runBytes(await readJson(folder, 'hostile-safetensors.json'), 'safetensors'),
  ],
  ['hostile-gzip', async (folder) => runBytes(await readJson(folder, 'hostile-gzip.json'), 'gzip')],
  ['hostile-index', async (folder) => runIndex(await readJson<IndexVectors>(folder, 'hostile-index.json'))],
  ['hostile-layout', async (folder) => runLayout(await readJson<LayoutVectors>(folder, 'hostile-layout.json'))],
  ['hostile-config', async (folder) => runConfig(await readJson<ConfigVectors>(folder, 'hostile-config.json'))],
  ['hostile-png', async (folder) => runPng(await readJson<PngVectors>(folder, 'hostile-png.json'))],
  // last: its large recipes raise the process's memory peak, against which the others are measured
  ['valid', async (folder) => runValid(folder, await readJson<ValidFiles>(folder, 'valid.json'))],
];

/**
 * Runs folders of valid and hostile files (`npm run golden -- --files DIR...`): every valid file gives the expected
 * contents, every hostile vector a typed error with the stated rule, each within 2 s and bounded memory.
 */
export async function runFiles(folders: readonly string[], options: RunFilesOptions = {}): Promise<RunFilesResult> {
  const outcomes: Outcome[] = [];
  const lines: string[] = [];
  for (const folder of folders) {
    let isFound = false;
    for (const [kind, run] of RUNNERS) {
      if (options.kinds !== undefined && !options.kinds.includes(kind)) continue;
      if (!(await exists(join(folder, `${kind}.json`)))) continue;
      isFound = true;
      for (const outcome of await run(folder)) {
        if (options.filter !== undefined && !outcome.id.includes(options.filter)) continue;
        outcomes.push(outcome);
        const line = outcomeLine(outcome);
        lines.push(line);
        options.onLine?.(line);
      }
    }
    if (!isFound) {
      const nothing = {
        id: folder,
        kind: 'files',
        isOk: false,
        output: 'vectors',
        got: 'none',
        wanted: 'valid.json or hostile-*.json',
      };
      outcomes.push(nothing);
      lines.push(outcomeLine(nothing));
      options.onLine?.(outcomeLine(nothing));
    }
  }
  const passed = outcomes.filter((outcome) => outcome.isOk).length;
  return { passed, failed: outcomes.length - passed, lines, outcomes };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Vectors that are the bytes of one checkpoint file. */
async function runBytes({ error: code, vectors }: HostileVectors, format: 'safetensors' | 'gzip'): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const vector of vectors) {
    const bytes = vectorBytes(vector);
    const name = `${vector.name}.safetensors${format === 'gzip' ? '.gz' : ''}`;
    const run = async () => openWeightSource(memorySource(bytes, name));
    outcomes.push(
      await expectRefusal(vector, `${format}/${vector.name}`, `hostile-${format}`, code, bytes.length, run),
    );
  }
  return outcomes;
}

async function runPng({ error: code, vectors, accept }: PngVectors): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const { name, width, height, png, rgba } of accept) {
    const bytes = Buffer.from(png, 'base64');
    const run = async () => {
      const image = readPng(bytes, `${name}.png`);
      if (image.width !== width || image.height !== height)
        return { output: 'size', got: `${image.width}x${image.height}`, wanted: `${width}x${height}` };
      const isEqual = rgba === null || Buffer.from(rgba, 'base64').equals(image.data);
      return isEqual ? undefined : { output: 'pixels', got: 'others', wanted: 'equal' };
    };
    outcomes.push(await expectAcceptance(`png/accept/${name}`, 'hostile-png', bytes.length, run));
  }
  for (const vector of vectors) {
    const bytes = vectorBytes(vector);
    const run = async () => readPng(bytes, `${vector.name}.png`);
    outcomes.push(await expectRefusal(vector, `png/${vector.name}`, 'hostile-png', code, bytes.length, run));
  }
  return outcomes;
}

function vectorBytes(vector: Vector): Uint8Array {
  if (vector.parts !== undefined) return buildParts(vector.parts);
  return vector.base64 === undefined ? Buffer.from(vector.text ?? '', 'utf8') : Buffer.from(vector.base64, 'base64');
}
