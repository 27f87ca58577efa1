// Builds dist/: embeds the shaders, then compiles with tsc. `npm ci` runs it as "prepare", `npm run build` by hand.
// Where TypeScript is not installed (npm ci --omit=dev) it says so and leaves the install alone.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embed } from './embed-wgsl.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const duringInstall = process.env.npm_lifecycle_event === 'prepare';

/** Path of the compiler, or undefined where the development packages are not installed. */
function findCompiler() {
  try {
    return createRequire(import.meta.url).resolve('typescript/bin/tsc');
  } catch {
    return undefined;
  }
}

function build() {
  const start = new Date();
  embed();
  const compiler = findCompiler();
  if (!compiler) {
    console.error('build: typescript is not installed, so dist/ is left as it is. With it: npm ci && npm run build');
    return duringInstall ? 0 : 1;
  }
  // Into a folder of its own, then swapped: no stale module stays behind, and dist/ is never half there for long.
  const fresh = mkdtempSync(join(root, 'dist.'));
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--outDir', fresh], {
    cwd: root,
    stdio: 'inherit',
  });
  if (!existsSync(join(fresh, 'index.js'))) {
    rmSync(fresh, { recursive: true, force: true });
    console.error('build: the compiler wrote nothing');
    return 1;
  }
  chmodSync(join(fresh, 'tools/cli.js'), 0o755);
  utimesSync(join(fresh, 'index.js'), start, start); // a source saved meanwhile is newer
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  chmodSync(fresh, 0o755); // mkdtemp makes it private
  renameSync(fresh, join(root, 'dist'));
  if (status !== 0 && duringInstall) {
    // tsc has written working modules all the same; `npm run types` is where type errors count.
    console.error('build: type errors (above); dist/ was written');
    return 0;
  }
  return status ?? 1;
}

process.exitCode = build();
