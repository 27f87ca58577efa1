import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const oxlint = join(dirname(createRequire(import.meta.url).resolve('oxlint/package.json')), 'bin/oxlint');

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'layerloom-lint-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function plant(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** Runs one of our linters on the planted files: its exit status and the faults as "file:line: [rule]". */
function lint(name: 'wgsl' | 'house'): { status: number | null; faults: string[] } {
  const { status, stderr } = spawnSync(process.execPath, [join(root, `tools/lint/${name}.mjs`), folder], {
    encoding: 'utf8',
  });
  return { status, faults: stderr.split('\n').flatMap((line) => line.match(/^\S+:\d+: \[[\w-]+\]/) ?? []) };
}

const GOOD_SHADER = `// y[i] = x[i]; a note may say \`var x: f32;\` without harm
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> p: Params;
override WG: u32 = 64;
var<workgroup> partial: array<f32, WG>;
var<private> sums: array<f32, 4> = array<f32, 4>();
@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var sum = 0.0;
  for (var i = 0u; i < p.count; i++) { sum += x[i]; }
  y[id.x].x = sum;
}
`;

describe('lint wgsl', () => {
  it('passes a shader that keeps the rules', () => {
    plant({ 'kernels/toy/toy.wgsl': GOOD_SHADER });
    expect(lint('wgsl')).toEqual({ status: 0, faults: [] });
  });

  it.each([
    ['a var without a value', 'fn f() {\n  var x: f32;\n}\n', 2, 'initialiser'],
    ['one of a nested type', 'fn f() {\n  var x: array<vec2<f32>, (1 + 2)>;\n}\n', 2, 'initialiser'],
    ['a private one', 'var<private> sum: f32;\n', 1, 'initialiser'],
    ['an f16 sum', 'fn f() {\n  var sum: f16 = 0.0h;\n  sum += 1.0h;\n}\n', 2, 'f16-sum'],
    [
      'an f16 sum through an alias',
      'alias T = vec4<f16>;\nfn f() {\n  var s = T();\n  s.x += 1.0h;\n}\n',
      3,
      'f16-sum',
    ],
    ['an f16 sum by fma', 'fn f() {\n  var s = vec2<f16>();\n  s = fma(a, b, s);\n}\n', 2, 'f16-sum'],
    ['an input that could be written', '@group(0) @binding(0) var<storage, read_write> x: array<f32>;\n', 1, 'access'],
    ['a hole', 'const A = ${SIZE};\n', 1, 'interpolation'],
    ['a preprocessor', '#if A\n', 1, 'interpolation'],
    ['a long line', `// ${'x'.repeat(120)}\n`, 1, 'columns'],
  ])('finds %s', (_, text, line, rule) => {
    plant({ 'kernels/toy/toy.wgsl': text });
    expect(lint('wgsl')).toEqual({ status: 1, faults: [`kernels/toy/toy.wgsl:${line}: [${rule}]`] });
  });

  it('looks for the write in the other parts of a kernel', () => {
    const binding = '@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n';
    plant({ 'kernels/toy/params.wgsl': binding, 'kernels/toy/toy.wgsl': 'fn f() { y[0] = 1.0; }\n' });
    expect(lint('wgsl').faults).toEqual([]);
    plant({ 'kernels/toy/toy.wgsl': 'fn f() -> bool { return y[0] == 1.0; }\n' });
    expect(lint('wgsl').faults).toEqual(['kernels/toy/params.wgsl:1: [access]']);
  });

  it('keeps wgsl-lib small and without bindings', () => {
    plant({ 'kernels/wgsl-lib/big.wgsl': '// line\n'.repeat(61), 'kernels/wgsl-lib/b.wgsl': '@group(0)\n' });
    expect(lint('wgsl').faults).toEqual([
      'kernels/wgsl-lib/b.wgsl:1: [library]',
      'kernels/wgsl-lib/big.wgsl:1: [library]',
    ]);
  });
});

const GOOD_HOUSE = {
  'package.json': '{ "version": "1.2.3" }',
  'CHANGELOG.md': '# Changelog\n\n## 1.2.3\n',
  'kernels/toy/toy.wgsl': GOOD_SHADER,
  'kernels/toy/toy.ts': '// plans a GPUBuffer: a comment may say so\n',
  'kernels/toy/toy-weight.ts': '',
  'kernels/toy/toy.reference.ts': '',
  'kernels/toy/toy.cases.ts': '',
  'test/null.test.ts': "await openDawn({ backend: 'null' });\n",
};

describe('lint house', () => {
  it('passes a tree that keeps the rules', () => {
    plant(GOOD_HOUSE);
    expect(lint('house')).toEqual({ status: 0, faults: [] });
  });

  it.each([
    ['a long shader', { 'kernels/toy/toy.wgsl': '// line\n'.repeat(401) }, 'kernels/toy/toy.wgsl:400: [length]'],
    ['a long script', { 'tools/x.mjs': '// line\n'.repeat(401) }, 'tools/x.mjs:400: [length]'],
    ['a dumping ground', { 'runtime/io/byte-utils.ts': '' }, 'runtime/io/byte-utils.ts:1: [name]'],
    ['a folder of helpers', { 'model/helpers/a.ts': '' }, 'model/helpers/a.ts:1: [name]'],
    ['an untyped error', { 'model/a.ts': "\nthrow new Error('x');\n" }, 'model/a.ts:2: [error]'],
    ['a device in kernels', { 'kernels/a.ts': 'const d: GPUDevice = x;\n' }, 'kernels/a.ts:1: [layer]'],
    ['a buffer in model', { 'model/a.ts': 'const b: GPUBuffer = x;\n' }, 'model/a.ts:1: [layer]'],
    ['a shader in model', { 'model/a.ts': 'const s = `\n@compute fn f() {}`;\n' }, 'model/a.ts:2: [layer]'],
    [
      'a test that brings no driver',
      { 'test/a.gpu.test.ts': `await ${'openDawn'}();\n` },
      'test/a.gpu.test.ts:1: [driver]',
    ],
    ['an op without cases', { 'kernels/bare/bare.ts': '' }, 'kernels/bare:1: [op-folder]'],
    ['a stray file', { 'kernels/toy/other.ts': '' }, 'kernels/toy:1: [op-folder]'],
    ['a version without a section', { 'package.json': '{ "version": "1.2.4" }' }, 'CHANGELOG.md:1: [changelog]'],
  ])('finds %s', (_, files, fault) => {
    plant({ ...GOOD_HOUSE, ...(files as Record<string, string>) });
    const { status, faults } = lint('house');
    expect(status).toBe(1);
    expect(new Set(faults)).toEqual(new Set([fault]));
  });
});

/** Rules that oxlint reports for a planted file, under the project's own settings. */
function oxlintRules(): string[] {
  copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  plant({
    'tsconfig.json':
      '{ "compilerOptions": { "strict": true, "module": "nodenext", "allowImportingTsExtensions": true, "noEmit": true } }',
  });
  const { stdout } = spawnSync(process.execPath, [oxlint, '--type-aware', '--format', 'json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] };
  return diagnostics.map(({ code, filename }) => `${filename} ${code}`).sort();
}

describe('oxlint under the rules of the house', () => {
  it('passes imports that point down', () => {
    plant({
      'kernels/a.ts': 'export const a = 1;\n',
      'runtime/b.ts': "export { a as b } from '../kernels/a.ts';\n",
      'runtime/node/files.ts': "export { readFileSync } from 'node:fs';\n",
      'model/c.ts': "export { b as c } from '../runtime/b.ts';\n",
      'tools/d.ts': "export { c as d } from '../model/c.ts';\nexport { readFileSync } from 'node:fs';\n",
    });
    expect(oxlintRules()).toEqual([]);
  });

  it.each([
    ['kernels/a.ts', "export { b } from '../runtime/b.ts';\n"],
    ['kernels/deep/a.ts', "export { readFileSync } from 'node:fs';\n"],
    ['runtime/a.ts', "export { b } from '../model/b.ts';\n"],
    ['runtime/a.ts', "export { readFileSync } from 'node:fs';\n"],
    ['runtime/a.ts', "export { b } from './node/b.ts';\n"],
    ['runtime/node/a.ts', "export { b } from '../../model/b.ts';\n"],
    ['model/deep/a.ts', "export { b } from '../../tools/b.ts';\n"],
    ['model/a.ts', "export { readFileSync } from 'node:fs';\n"],
    ['model/a.ts', "export { b } from '../node.ts';\n"],
    ['model/a.ts', "export { b } from '../runtime/node/b.ts';\n"],
    ['runtime/io/a.ts', "export { b } from '../node/b.ts';\n"],
    ['runtime/node/a.ts', "export { b } from '../../index.ts';\n"],
    ['tools/a.ts', "export { b } from '../bench/b.ts';\n"],
    ['tools/a.ts', "export { b } from '../test/b.ts';\n"],
    ['index.ts', "export { b } from './runtime/node/b.ts';\n"],
  ])('catches in %s: %s', (file, text) => {
    plant({ [file]: text });
    expect(oxlintRules()).toEqual([`${file} eslint(no-restricted-imports)`]);
  });

  it('catches a cycle, a forgotten await, any, a console and a long file', () => {
    plant({
      'runtime/a.ts': "import { b } from './b.ts';\nexport const a = (): number => b();\n",
      'runtime/b.ts': "import { a } from './a.ts';\nexport const b = (): number => a();\n",
      'runtime/c.ts': 'const c = async (): Promise<void> => {};\nexport const run = (): void => { c(); };\n',
      'model/d.ts': 'export const d: any = 1;\nconsole.log(d);\n',
      'model/e.ts': 'export const e = 1;\n' + '// line\n'.repeat(400),
    });
    expect(oxlintRules()).toEqual([
      'model/d.ts eslint(no-console)',
      'model/d.ts typescript(no-explicit-any)',
      'model/e.ts eslint(max-lines)',
      'runtime/a.ts import(no-cycle)',
      'runtime/b.ts import(no-cycle)',
      'runtime/c.ts typescript(no-floating-promises)',
    ]);
  });
});
