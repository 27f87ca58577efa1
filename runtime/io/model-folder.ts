import type { FolderSource } from './folder-source.ts';

/** A model's folder with its parts in folders below it (`transformer`, `vae`, ...), wherever it lies. */
export interface ModelFolder {
  /** What error messages call it. */
  readonly name: string;
  /** The files directly in it: `model_index.json`, `mrt.json`. */
  readonly root: FolderSource;
  /** A part's folder by relative path; undefined where there is none. */
  folder(path: string): Promise<FolderSource | undefined>;
}
