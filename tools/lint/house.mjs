// node tools/lint/house.mjs [ROOT]: rules of the house that oxlint has no words for.
//
//   length     no source over 400 lines, shaders and scripts included
//   name       no utils, helpers, common, misc: a shared function has one home and a name
//   op-folder  kernels/<op>/ holds a shader, a planner, an f64 reference and cases, and nothing of another subject
//   error      typed errors only in the library: apps switch on their class and code
//   layer      kernels and model name no WebGPU object, model holds no WGSL
//   driver     tools and tests open devices by openEngine, which finds or brings a driver; openDawn only without one
//   changelog  the package's version has a section
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lineAt, listFiles, report, withoutComments } from './files.mjs';

const MAX_LINES = 400;
const SOURCE = /\.(ts|mts|mjs|js|wgsl|cc|cpp|h|sh|py)$/;
const BAD_NAMES = new Set(['utils', 'util', 'helpers', 'helper', 'common', 'misc']);
const isSource = (name) =>
  (SOURCE.test(name) || name === '.ci/run') && !name.endsWith('.wgsl.ts') && !name.startsWith('test/golden/');
const inLibrary = (name) => /^(kernels|runtime|model)\/|^(index|node)\.ts$/.test(name);

function lintLength(file, text) {
  const lines = text.trimEnd().split('\n').length;
  if (lines <= MAX_LINES) return [];
  return [
    { file, line: MAX_LINES, rule: 'length', message: `${lines} lines, at most ${MAX_LINES}: split it by subject` },
  ];
}

function lintName(file) {
  const words = file.split('/').flatMap((part) => part.split(/[.\-_]/));
  const bad = words.find((word) => BAD_NAMES.has(word.toLowerCase()));
  return bad ? [{ file, rule: 'name', message: `"${bad}" names no subject: call the file after what is in it` }] : [];
}

/** Text rules of one library file. */
function lintText(file, text) {
  if (!file.endsWith('.ts')) return [];
  const code = withoutComments(text);
  const rules = [
    {
      applies: inLibrary(file),
      pattern: /\bnew Error\(/g,
      rule: 'error',
      why: 'throw a class of runtime/errors.ts or kernels/errors.ts',
    },
    {
      applies: /^(test|tools|bench)\//.test(file),
      pattern: /\bopenDawn\((?!\s*\{\s*backend: 'null')/g,
      rule: 'driver',
      why: 'finds no driver on a bare machine: use openEngine or openDriver',
    },
    {
      applies: /^(kernels|model)\//.test(file),
      pattern: /\bGPU(?:Device|Buffer|Queue|Adapter|BindGroup|ShaderModule|ComputePipeline|CommandEncoder)\b/g,
      rule: 'layer',
      why: "WebGPU's objects are the runtime's",
    },
    {
      applies: file.startsWith('model/'),
      pattern: /@compute\b|@group\(|\bvar<(?:storage|workgroup|uniform)|\.wgsl\b/g,
      rule: 'layer',
      why: "WGSL is the kernels'",
    },
  ];
  return rules
    .filter(({ applies }) => applies)
    .flatMap(({ pattern, rule, why }) =>
      [...code.matchAll(pattern)].map((match) => ({
        file,
        line: lineAt(text, match.index),
        rule,
        message: `"${match[0]}": ${why}`,
      })),
    );
}

function lintOpFolders(root) {
  const kernels = join(root, 'kernels');
  if (!existsSync(kernels)) return [];
  const faults = [];
  for (const entry of readdirSync(kernels, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === 'wgsl-lib') continue;
    const op = entry.name;
    const fault = (message) => faults.push({ file: `kernels/${op}`, rule: 'op-folder', message });
    const names = readdirSync(join(kernels, op)).filter((name) => !name.endsWith('.wgsl.ts'));
    for (const name of [`${op}.ts`, `${op}.reference.ts`, `${op}.cases.ts`])
      if (!names.includes(name)) fault(`has no ${name}`);
    if (!names.some((name) => name.endsWith('.wgsl'))) fault('has no .wgsl file');
    for (const name of names)
      if (!name.endsWith('.wgsl') && !isPartOf(op, name)) fault(`${name} is none of ${op}.ts, ${op}-*.ts, ${op}.*.ts`);
  }
  return faults;
}

function isPartOf(op, name) {
  return (
    name.endsWith('.ts') && (name === 'weight-layout.ts' || name.startsWith(`${op}.`) || name.startsWith(`${op}-`))
  );
}

function lintChangelog(root) {
  if (!existsSync(join(root, 'package.json'))) return [];
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const changelog = join(root, 'CHANGELOG.md');
  const sections = existsSync(changelog) ? readFileSync(changelog, 'utf8').split('\n') : [];
  const found = sections.some((line) => line === `## ${version}` || line.startsWith(`## ${version} `));
  return found ? [] : [{ file: 'CHANGELOG.md', rule: 'changelog', message: `has no section "## ${version}"` }];
}

/** Faults of the tree below `root`, and how many files were looked at. */
export function lintHouse(root) {
  const files = listFiles(root, isSource);
  if (existsSync(join(root, '.ci/run'))) files.push('.ci/run');
  const faults = files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return [...lintLength(file, text), ...lintName(file), ...lintText(file, text)];
  });
  return { faults: [...faults, ...lintOpFolders(root), ...lintChangelog(root)], files: files.length };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '../..');
  const { faults, files } = lintHouse(root);
  process.exitCode = report('lint house', faults, files);
}
