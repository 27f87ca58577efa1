import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseDesign, writeDesign } from '../../model/layout/design.ts';
import type { LayeredDesign } from '../../model/layout/design-schema.ts';
import { layerFileName, type LayeredResult } from '../../model/pipeline/mrt-result.ts';
import type { Picture, PictureLoader } from '../../model/pipeline/picture.ts';
import { ImageError, UsageError } from '../../runtime/errors.ts';
import { readPng, writePng } from '../../runtime/image/png.ts';
import { fileInside } from './file-inside.ts';
import { writeFileAtomic } from '../../runtime/node/write-file.ts';

/** Documents are text; 64 MiB leaves room for pictures as data URLs. */
const MAX_DESIGN_BYTES = 64 * 1024 * 1024;

/** A design and the folder that its relative uris start from. */
export interface DesignFile {
  readonly design: LayeredDesign;
  readonly folder: string;
  readonly path: string;
}

/** Reads a design: a layout.json, or a folder that holds one. @throws LayoutError, UsageError */
export async function readDesignFile(path: string): Promise<DesignFile> {
  const file = path.endsWith('.json') ? path : join(path, 'layout.json');
  let text: Uint8Array;
  try {
    text = await readFile(file);
  } catch (cause) {
    throw new UsageError(`${path}: cannot be read as a design (${reason(cause)}). Give a layout.json or its folder.`, {
      cause,
    });
  }
  if (text.byteLength > MAX_DESIGN_BYTES)
    throw new UsageError(`${file}: a design has at most ${MAX_DESIGN_BYTES} bytes, got ${text.byteLength}.`);
  return { design: parseDesign(text, file), folder: dirname(resolve(file)), path: file };
}

/** Reads a PNG file. @throws ImageError with the broken rule, UsageError if it cannot be read */
export async function readPictureFile(path: string): Promise<Picture> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new UsageError(`${path}: cannot be read (${reason(cause)}).`, { cause });
  }
  return readPng(bytes, path);
}

/**
 * Loads the pictures of a design from its folder, and from nowhere else: relative paths below it, PNG data URLs.
 *
 * @param extra pictures that the command line names, by uri
 */
export function designPictures(folder: string, extra: ReadonlyMap<string, Picture> = new Map()): PictureLoader {
  return async (uri) => {
    const own = extra.get(uri);
    if (own) return own;
    if (/^data:/i.test(uri)) return readPng(dataUrlBytes(uri), 'data URL');
    return readPng(await readFile(await fileInside(folder, uri)), uri);
  };
}

function dataUrlBytes(uri: string): Uint8Array {
  const match = /^data:image\/png(;base64)?,/i.exec(uri);
  if (!match)
    throw new ImageError(
      `data URL: must be image/png, got ${JSON.stringify(uri.slice(0, 40))}. Other formats are not read.`,
      {
        rule: 'not-png',
      },
    );
  const body = uri.slice(match[0].length);
  return match[1] ? Buffer.from(body, 'base64') : Buffer.from(decodeURIComponent(body), 'latin1');
}

/** Files of a written result, relative to its folder. */
export interface WrittenResult {
  readonly folder: string;
  readonly design: string;
  readonly merged: string;
  readonly layers: readonly { readonly id: string; readonly file: string; readonly box: readonly number[] }[];
}

/**
 * Writes a result: one RGBA PNG a layer, `merged.png`, and last `layout.json`, which names them. Each file appears
 * whole or not at all.
 */
export async function writeResult(folder: string, result: LayeredResult): Promise<WrittenResult> {
  const layers: WrittenResult['layers'][number][] = [];
  await mkdir(join(folder, 'layers'), { recursive: true });
  for (const [index, layer] of result.layers.entries()) {
    const file = layerFileName(index, layer.id);
    await writeFileAtomic(join(folder, file), [pngOf(layer.picture)]);
    layers.push({ id: layer.id, file, box: layer.box });
  }
  await writeFileAtomic(join(folder, 'merged.png'), [pngOf(result.merged)]);
  await writeFileAtomic(join(folder, 'layout.json'), [new TextEncoder().encode(`${writeDesign(result.design)}\n`)]);
  return { folder, design: 'layout.json', merged: 'merged.png', layers };
}

function pngOf({ width, height, data }: Picture): Uint8Array {
  return writePng({ width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
}

function reason(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
}
