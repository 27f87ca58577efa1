// Writes each kernels/**/*.wgsl as a module beside it (git-ignored) that exports the text as `wgsl`.
// After that the shaders are ordinary modules: the same build works in Node, in browsers and through any bundler.
import { readFileSync, readdirSync, statSync, writeFileSync, existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export function embed(folder = join(root, 'kernels')) {
  let changed = 0;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) changed += embed(path);
    else if (name.endsWith('.wgsl')) {
      const text = `export const wgsl: string = ${JSON.stringify(readFileSync(path, 'utf8'))};\n`;
      const target = `${path}.ts`;
      if (!existsSync(target) || readFileSync(target, 'utf8') !== text) {
        writeFileSync(target, text);
        changed++;
      }
    } else if (name.endsWith('.wgsl.ts') && !existsSync(path.slice(0, -3))) {
      rmSync(path); // its shader is gone
      changed++;
    }
  }
  return changed;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(`embed-wgsl: ${embed()} files changed`);
