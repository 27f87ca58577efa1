import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type * as z from 'zod/mini';
import { checkDesign } from '../../model/layout/check-design.ts';
import type { CheckedDesign } from '../../model/layout/check-design.ts';
import { parseDesign } from '../../model/layout/design.ts';
import type { Box, DesignTaskType, LayeredDesign } from '../../model/layout/design-schema.ts';
import { copyJson, joinPath, MAX_JSON_DEPTH, parseJson } from '../../model/layout/json.ts';
import { TOKEN_SIDE } from '../../model/tokens/grid.ts';
import { readPng } from '../../runtime/image/png.ts';
import type { RgbaImage } from '../../runtime/image/rgba-image.ts';
import type { EvalLayer } from './eval-layer.ts';
import { sizeOf } from './eval-layer.ts';
import { TestSetError } from './test-set-error.ts';
import { metaSchema, setSchema } from './test-set-schema.ts';
import type { LayerWords, SetIndex } from './test-set-schema.ts';

/** A layer with its truth. */
export interface TrueLayer extends EvalLayer {
  readonly words: LayerWords;
  readonly isBackground: boolean;
}

/** What a restyle target is given, and what the design wants it to become. */
export interface RestylePair {
  readonly reference: EvalLayer;
  readonly wanted: EvalLayer;
}

/** One design of a set, with every true picture. */
export interface TestDesign {
  /** Folder's name. */
  readonly name: string;
  readonly folder: string;
  /** The window: [0, 0, width, height], sides multiples of 16. */
  readonly window: Box;
  /** Bottom first; the background is the first. */
  readonly layers: readonly TrueLayer[];
  /** The flat picture of the window. */
  readonly composed: RgbaImage;
  /** Ids that add and restyle generate. */
  readonly targets: readonly string[];
  /** By target's id; empty where the design implies no restyled look. */
  readonly restyle: ReadonlyMap<string, RestylePair>;
  /** The document of each task the design is used for. */
  readonly documents: ReadonlyMap<DesignTaskType, LayeredDesign>;
}

/** A test set in memory. */
export interface TestSet {
  readonly path: string;
  readonly seed: number;
  readonly designs: readonly TestDesign[];
}

/** Which part of a set is read. */
export interface TestSetOptions {
  /** The first so many designs. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a test set as `tools/train/make_set.py` writes it, all of it checked before anything is run.
 *
 * @throws TestSetError with the broken rule; LayoutError for a document, ImageError for a picture
 */
export async function readTestSet(path: string, options: TestSetOptions = {}): Promise<TestSet> {
  const index = await readChecked(join(path, 'set.json'), setSchema);
  if (index.designs.length === 0) throw new TestSetError('set-empty', join(path, 'set.json'), 'there are no designs.');
  const designs: TestDesign[] = [];
  for (const entry of index.designs.slice(0, options.limit)) {
    options.signal?.throwIfAborted();
    designs.push(await readDesign(join(path, entry.folder), entry));
  }
  return { path, seed: index.seed, designs };
}

async function readDesign(folder: string, entry: SetIndex['designs'][number]): Promise<TestDesign> {
  const { width, height } = entry;
  if (width % TOKEN_SIDE !== 0 || height % TOKEN_SIDE !== 0)
    throw new TestSetError('set-window', folder, `sides must be multiples of ${TOKEN_SIDE}, got ${width} x ${height}.`);
  const metaPath = join(folder, 'meta.json');
  const meta = await readChecked(metaPath, metaSchema);
  if (meta.layers.length !== entry.layers + 1)
    throw new TestSetError(
      'set-layers',
      metaPath,
      `set.json says ${entry.layers} layers and a background, got ${meta.layers.length} entries.`,
    );
  const layers: TrueLayer[] = [];
  for (const [i, words] of meta.layers.entries()) {
    if ((words.kind === 'background') !== (i === 0))
      throw new TestSetError('set-layers', metaPath, `the first layer, and no other, is the background.`);
    const layer = await readLayer(folder, `${words.id}.png`, words.id, words.box);
    layers.push({ ...layer, words, isBackground: i === 0 });
  }
  const ids = new Set(layers.map(({ id }) => id));
  const stray = meta.targets.find((id) => !ids.has(id));
  if (stray !== undefined) throw new TestSetError('set-targets', metaPath, `target "${stray}" is no layer.`);
  const documents = new Map<DesignTaskType, LayeredDesign>();
  for (const task of entry.tasks) documents.set(task, await readDocument(folder, task, layers, meta.targets, entry));
  const restyle = new Map<string, RestylePair>();
  if (documents.has('restyle'))
    for (const layer of layers.filter(({ id }) => meta.targets.includes(id)))
      restyle.set(layer.id, {
        reference: await readLayer(folder, `${layer.id}.reference.png`, layer.id, layer.box),
        wanted: await readLayer(folder, `${layer.id}.wanted.png`, layer.id, layer.box),
      });
  const composed = await readPicture(folder, 'composed.png', [width, height]);
  const window = [0, 0, width, height] as const;
  return { name: entry.folder, folder, window, layers, composed, targets: meta.targets, restyle, documents };
}

async function readDocument(
  folder: string,
  task: DesignTaskType,
  layers: readonly TrueLayer[],
  targets: readonly string[],
  { width, height }: { readonly width: number; readonly height: number },
): Promise<LayeredDesign> {
  const path = join(folder, `${task}.json`);
  const design = parseDesign(await readBytes(path), path);
  const checked = checkDesign(design, path);
  if (checked.task !== task)
    throw new TestSetError('set-task', path, `task.type must be ${task}, got ${checked.task ?? 'none'}.`);
  if (checked.window.width !== width || checked.window.height !== height)
    throw new TestSetError(
      'set-window',
      path,
      `set.json says ${width} x ${height}, got ${checked.window.width} x ${checked.window.height}.`,
    );
  const wanted = layers.map(({ id, box }) => `${id} [${box.join(', ')}]`).join('; ');
  const found = checked.layers.map(({ id, box }) => `${id} [${box.join(', ')}]`).join('; ');
  if (wanted !== found) throw new TestSetError('set-layers', path, `meta.json says ${wanted}, got ${found}.`);
  if (task === 'add' || task === 'restyle') requireTargets(checked, targets, path);
  return design;
}

function requireTargets(checked: CheckedDesign, targets: readonly string[], path: string): void {
  const found = checked.layers.filter(({ isTarget }) => isTarget).map(({ id }) => id);
  if (found.length === targets.length && found.every((id) => targets.includes(id))) return;
  throw new TestSetError('set-targets', path, `meta.json says ${targets.join(', ')}, got ${found.join(', ')}.`);
}

async function readLayer(folder: string, file: string, id: string, box: Box): Promise<EvalLayer> {
  const { data } = await readPicture(folder, file, sizeOf(box));
  return { id, box, rgba: data };
}

async function readPicture(folder: string, file: string, size: readonly [number, number]): Promise<RgbaImage> {
  const path = join(folder, file);
  const image = readPng(await readBytes(path), path);
  if (image.width !== size[0] || image.height !== size[1])
    throw new TestSetError(
      'set-picture',
      path,
      `must be ${size[0]} x ${size[1]} pixels, got ${image.width} x ${image.height}.`,
    );
  return image;
}

/**
 * A picture that a document of the set names, for a run. Documents were validated: a uri is a relative path below the
 * design's folder, or a data URL, which sets do not use.
 */
export async function loadSetPicture(design: TestDesign, uri: string): Promise<RgbaImage> {
  const path = join(design.folder, uri);
  if (/^data:/iu.test(uri))
    throw new TestSetError('set-picture', design.folder, 'pictures must be files, got a data URL.');
  return readPng(await readBytes(path), path);
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new TestSetError('set-missing', path, 'must be there and readable.', { cause });
  }
}

async function readChecked<Schema extends z.ZodMiniType>(path: string, schema: Schema): Promise<z.infer<Schema>> {
  const refuse = (fault: string, where: string, got: string): never => {
    throw new TestSetError(
      'set-json',
      path,
      `must be plain JSON, got ${got}${where === '' ? '' : ` at ${where}`} (${fault}).`,
    );
  };
  const value = copyJson(parseJson(await readBytes(path), MAX_JSON_DEPTH, refuse), MAX_JSON_DEPTH, refuse);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = joinPath(issue?.path ?? []);
  throw new TestSetError(
    'set-form',
    path,
    `${where === '' ? 'the file' : where} is not as the format says: ${issue?.message ?? ''}.`,
  );
}
