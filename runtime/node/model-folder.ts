import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { CheckpointError } from '../errors.ts';
import type { ModelFolder } from '../io/model-folder.ts';
import type { FileSourceOptions } from './file-source.ts';
import { folderSource } from './folder-source.ts';

/**
 * A model folder on disk. Parts are opened below it only: a link that leads out is refused.
 *
 * @throws CheckpointError `not-a-folder`
 */
export async function modelFolder(path: string, options: FileSourceOptions = {}): Promise<ModelFolder> {
  const root = await folderSource(path, options);
  const real = await realpath(path);
  return {
    name: path,
    root,
    folder: async (part) => {
      const target = join(path, part);
      let found: string;
      try {
        found = await realpath(target);
        if (!(await stat(found)).isDirectory()) return undefined;
      } catch {
        return undefined; // missing
      }
      // Caches of the hub keep parts as folders of links, so only the folder itself must lie inside.
      if (found !== real && !found.startsWith(real + sep))
        throw new CheckpointError(`${path}: "${part}" leads out of the model's folder. Put the folder itself there.`, {
          rule: 'shard-outside',
          path,
        });
      return folderSource(target, options);
    },
  };
}
