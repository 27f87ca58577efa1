import { realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { LayoutError, UsageError } from '../../runtime/errors.ts';

/**
 * The real path of a relative uri below a folder.
 *
 * @throws LayoutError `invalid-uri` if it leads out of the folder, by `..` or by a link
 * @throws UsageError if there is no such file
 */
export async function fileInside(folder: string, uri: string): Promise<string> {
  const root = await realpath(folder);
  let path: string;
  try {
    path = await realpath(join(root, decodeURIComponent(uri)));
  } catch (cause) {
    throw new UsageError(`${uri}: is not there. Pictures of a design lie below its folder ${folder}.`, { cause });
  }
  if (path !== root && !path.startsWith(root + sep))
    throw new LayoutError(`${uri}: leads out of the design's folder ${folder}. Put the picture there.`, {
      rule: 'invalid-uri',
      path: uri,
    });
  return path;
}
