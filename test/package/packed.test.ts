import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTar } from '../../runtime/node/tar.ts';
import { BUILD_TIMEOUT, ensureBuilt, ROOT } from '../support/built.ts';

/**
 * What is published, as an app gets it: packed, unpacked into node_modules, no install script run, no addon, no
 * development packages. Its dependencies are links to ours, so the test needs no network.
 */
const app = mkdtempSync(join(tmpdir(), 'layerloom-app-'));
const installed = join(app, 'node_modules/layerloom');
const { version, exports, bin, dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  exports: Record<string, string | Record<string, string | Record<string, string>>>;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
};
let names: string[] = [];

beforeAll(() => {
  ensureBuilt();
  const packed = spawnSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', app], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (packed.status !== 0) throw new Error(`npm pack failed: ${packed.stderr}`);
  const files = readTar(gunzipSync(readFileSync(join(app, `layerloom-${version}.tgz`))));
  for (const { name, data } of files) {
    const path = join(installed, name.replace(/^package\//, ''));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
  }
  names = files.map(({ name }) => name.replace(/^package\//, ''));
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(app, 'node_modules', name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(app, 'node_modules', name));
  }
  writeFileSync(join(app, 'package.json'), '{ "type": "module" }');
}, BUILD_TIMEOUT);
afterAll(() => rmSync(app, { recursive: true, force: true }));

/** Runs an ES module in the app. */
function run(code: string, ...flags: string[]): { status: number | null; stdout: string; stderr: string } {
  writeFileSync(join(app, 'main.js'), code);
  return spawnSync(process.execPath, [...flags, 'main.js'], { cwd: app, encoding: 'utf8' });
}

/** Names that a source module exports as values, its `export *` followed. */
function exportedValues(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const own = [...text.matchAll(/export \{([^}]*)\}/g)].flatMap(([, list]) =>
    list
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '' && !item.startsWith('type ')),
  );
  const passedOn = [...text.matchAll(/export \* from '\.\/([^']+)'/g)].flatMap(([, from]) => exportedValues(from));
  return [...own, ...passedOn].sort();
}

describe('the packed package', () => {
  it('holds what runs and nothing else', () => {
    expect(names).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md']));
    expect(names).toEqual(expect.arrayContaining(['dist/index.js', 'dist/node.js', 'examples/poster/poster.png']));
    const allowed = /^(dist|examples|checkpoints|runtime\/native)\/|^[^/]+$|^tools\/(install|embed-wgsl)\.mjs$/;
    expect(names.filter((name) => !allowed.test(name) || /\.(test|bench)\./.test(name))).toEqual([]);
    expect(names.filter((name) => name.startsWith('dist/test') || name.startsWith('dist/bench'))).toEqual([]);
  });

  it('has every file that "exports" and "bin" name', () => {
    const targets: string[] = [];
    const collect = (entry: unknown): void => {
      if (typeof entry === 'string') targets.push(entry);
      else for (const value of Object.values(entry as object)) collect(value);
    };
    collect([exports, bin]);
    expect(targets.filter((target) => !existsSync(join(installed, target)))).toEqual([]);
    for (const target of Object.values(bin))
      expect(readFileSync(join(installed, target), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it('exports in Node exactly what node.ts lists, and in browsers what index.ts lists', () => {
    const code = (from: string): string => `console.log(JSON.stringify(Object.keys(await import('${from}')).sort()))`;
    for (const [specifier, source] of [
      ['layerloom', 'node.ts'],
      ['layerloom/node', 'node.ts'],
    ]) {
      const { stdout, stderr } = run(code(specifier));
      expect(stdout, stderr).not.toBe('');
      expect(JSON.parse(stdout)).toEqual(exportedValues(source));
    }
    const { stdout } = run(code('./node_modules/layerloom/dist/index.js'));
    expect(JSON.parse(stdout)).toEqual(exportedValues('index.ts'));
  });

  it('keeps everything else private', () => {
    const { status, stderr } = run("await import('layerloom/dist/runtime/engine.js')");
    expect(status).toBe(1);
    expect(stderr).toMatch(/ERR_PACKAGE_PATH_NOT_EXPORTED/);
  });

  it('adds no global when it is imported', () => {
    const code = `const before = Reflect.ownKeys(globalThis); await import('layerloom');
      const added = Reflect.ownKeys(globalThis).filter((key) => !before.includes(key)).map(String);
      console.log(JSON.stringify(added.filter((key) => !key.startsWith('__zod_')))); // zod keeps its registry there`;
    expect(run(code).stdout).toBe('[]\n');
  });

  it('writes and reads a safetensors file', () => {
    const { stdout, stderr } = run(`import { encodeSafetensors, memorySource, openSafetensors } from 'layerloom';
      const data = new Uint8Array(Float32Array.of(1, 2, 3).buffer);
      const bytes = encodeSafetensors([{ name: 'w', dtype: 'F32', shape: [3], data }]);
      const file = await openSafetensors(memorySource(bytes, 'w.safetensors'));
      console.log([...file.names()].join(), (await file.readF32('w')).join());`);
    expect(stdout, stderr).toBe('w 1,2,3\n');
  });

  it('opens an engine, or says what would help', () => {
    const { stdout, stderr } = run(`import { DeviceError, openEngine } from 'layerloom';
      try {
        const engine = await openEngine();
        const tensor = engine.tensor('f32', [2], Float32Array.of(3, 4));
        console.log('ok', (await tensor.read()).join());
        engine.dispose();
      } catch (error) {
        if (!(error instanceof DeviceError)) throw error;
        console.log('none', error.message);
      }`);
    expect(stdout, stderr).toMatch(/^ok 3,4\n|^none engine: no WebGPU adapter.* npm install @sparticuz\/chromium/);
  });

  it('has a command line tool', () => {
    const tool = join(installed, bin.layerloom);
    const { status, stdout } = spawnSync(process.execPath, [tool, '--help'], { cwd: app, encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Usage: layerloom/);
  });

  it('benches a kernel of the user with it, from the example that it brings', () => {
    const tool = join(installed, bin.layerloom);
    const listed = spawnSync(process.execPath, [tool, 'bench', 'rms_norm', '--list'], { cwd: app, encoding: 'utf8' });
    expect(listed.stdout, listed.stderr).toMatch(/^rms_norm\n(?:.*\n)*.* \[5,64\] uniform$/m);
    const example = join(installed, 'examples/bench/rms-norm-row-per-lane.mjs');
    const args = ['bench', '--with', example, '--case', '[5,64] uniform', '--seconds', '0.02', '--json', 'bench.json'];
    const { status, stdout, stderr } = spawnSync(process.execPath, [tool, ...args], { cwd: app, encoding: 'utf8' });
    if (status === 3) return expect(stderr).toMatch(/no WebGPU adapter/); // no device: it says so, and that is all
    expect([status, stdout], stderr).toEqual([0, expect.stringMatching(/rms_norm +\[5,64\] uniform/)]);
    const { kernels } = JSON.parse(readFileSync(join(app, 'bench.json'), 'utf8')) as {
      kernels: readonly { readonly source: string; readonly fault: string | null }[];
    };
    expect(kernels.map(({ source, fault }) => [source === 'layerloom', fault])).toEqual([
      [true, null],
      [false, null],
    ]);
  });

  it('has types that a strict app compiles against', () => {
    writeFileSync(
      join(app, 'app.ts'),
      `import { createEngine, openSafetensors, memorySource, type Engine, type Tensor } from 'layerloom';
import { openEngine } from 'layerloom/node';
export async function twice(values: Float32Array): Promise<number> {
  const engine: Engine = await openEngine({ adapter: 'any' });
  const tensor: Tensor = engine.tensor('f32', [values.length], values);
  return (await tensor.read()).length;
}
export const open = (bytes: Uint8Array) => openSafetensors(memorySource(bytes, 'x'));
// @ts-expect-error an unknown option is refused, so the types are really there
void createEngine({ gpus: 1 });
`,
    );
    const options = {
      strict: true,
      module: 'nodenext',
      target: 'es2023',
      noEmit: true,
      types: [],
      lib: ['es2023', 'dom', 'esnext.disposable'],
    };
    writeFileSync(
      join(app, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...options, skipLibCheck: true }, files: ['app.ts'] }),
    );
    const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', app], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});
