import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = ['index.ts', 'node.ts', 'package.json', 'tsconfig.build.json', 'kernels', 'runtime', 'model', 'tools'];

/** Milliseconds that a hook which builds may take: the compiler has been seen to take minutes beside other work. */
export const BUILD_TIMEOUT = 600_000;

/**
 * Builds dist/ unless it is newer than every source, for tests of what is published.
 *
 * @throws Error with the compiler's output if nothing was built
 */
export function ensureBuilt(): void {
  const marker = join(ROOT, 'dist/index.js');
  const newest = Math.max(...SOURCES.map((name) => newestChange(join(ROOT, name))));
  if (existsSync(marker) && statSync(marker).mtimeMs >= newest) return;
  // As "prepare": type errors are the business of `npm run types`, here the modules count.
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'tools/build.mjs')], {
    encoding: 'utf8',
    env: { ...process.env, npm_lifecycle_event: 'prepare' },
  });
  if (status !== 0) throw new Error(`the build failed: ${stdout}${stderr}`);
}

function newestChange(path: string): number {
  const status = statSync(path);
  if (!status.isDirectory()) return /\.(ts|mjs|json|wgsl)$/.test(path) ? status.mtimeMs : 0;
  return Math.max(0, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}
