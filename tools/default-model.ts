import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The checkpoint that ships with the package. Compiled files lie one folder deeper than sources, so the package's root is
 * the nearest folder above with a package.json.
 */
export const DEFAULT_MODEL: string = fileURLToPath(
  new URL('checkpoints/mrt-tiny', packageRoot(new URL('..', import.meta.url))),
);

function packageRoot(from: URL): URL {
  return existsSync(new URL('package.json', from)) ? from : new URL('..', from);
}
