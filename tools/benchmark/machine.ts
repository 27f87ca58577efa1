import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Engine } from '../../runtime/engine.ts';
import { describeDevice } from './device.ts';
import type { BenchMachine } from './report.ts';

/** What a report says of the machine under Node. */
export function describeMachine(engine: Engine): BenchMachine {
  return {
    ...describeDevice(engine),
    webgpu: `webgpu ${versionOf('webgpu')} (Dawn)`,
    host: `Node ${process.versions.node}, ${cpus()[0]?.model ?? process.arch}`,
    cpus: availableParallelism(),
  };
}

function versionOf(name: string): string {
  const { resolve } = createRequire(import.meta.url);
  const { version } = JSON.parse(readFileSync(resolve(`${name}/package.json`), 'utf8')) as { version: string };
  return version;
}

/** Root of the package, in the source tree and in dist/ alike. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    try {
      const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string };
      if (name === 'layerloom') return folder;
    } catch {
      // Not here: one folder up.
    }
    folder = dirname(folder);
  }
}

/** Version of this package, and the commit of its source tree with `+` behind it where files were changed since. */
export function describeSource(): { layerloom: string; commit: string | null } {
  const root = packageRoot();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const git = (...args: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', ['-C', root, ...args], { encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  };
  // An app's repository around node_modules/layerloom is not ours.
  if (git('rev-parse', '--show-prefix') !== '') return { layerloom: version, commit: null };
  const commit = git('rev-parse', 'HEAD') ?? null;
  const isChanged = git('status', '--porcelain', '--untracked-files=no', '--', 'kernels', 'runtime', 'model') !== '';
  return { layerloom: version, commit: commit && `${commit}${isChanged ? '+' : ''}` };
}
