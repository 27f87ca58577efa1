// node tools/lint/wgsl.mjs [ROOT]: rules for the shaders in ROOT/kernels that no compiler checks.
//
//   initialiser   every `var` has one: Tint does not zero a var anew in each round of a loop (spec: dawn, trap 0)
//   f16-sum       no f16 accumulator: sums overflow at 65504 and lose bits long before
//   access        storage that is only read is declared `read`
//   interpolation neither ${} nor a preprocessor: a shader is WGSL once its parts are put together
//   columns       at most 120, no tabs
//   library       wgsl-lib holds small parts (60 lines) without bindings
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lineAt, listFiles, report, withoutComments } from './files.mjs';

const MAX_COLUMNS = 120;
const MAX_LIBRARY_LINES = 60;
const F16 = /\b(f16|vec[234]<\s*f16\s*>|vec[234]h|mat[234]x[234]h|mat[234]x[234]<\s*f16\s*>)/;

/** Every `var` of a text without comments: address space and access, name, type, initialiser, offset. */
export function findVars(code) {
  const vars = [];
  for (const match of code.matchAll(/\bvar\s*(?:<([^>]*)>)?\s*([A-Za-z_]\w*)\s*/g)) {
    const from = match.index + match[0].length;
    let depth = 0;
    let end = from;
    // A type may hold commas and expressions in <> or (): the declaration ends at `=` or `;` outside of them.
    for (; end < code.length; end++) {
      const c = code[end];
      if (c === '<' || c === '(' || c === '[') depth++;
      else if (c === '>' || c === ')' || c === ']') depth--;
      else if ((c === '=' || c === ';') && depth <= 0) break;
    }
    const stop = code.indexOf(';', end);
    const [space = 'function', access] = (match[1] ?? '').split(',').map((part) => part.trim() || undefined);
    vars.push({
      space,
      access,
      name: match[2],
      type: code.slice(from, end).replace(/^:\s*/, '').trim(),
      value: code[end] === '=' ? code.slice(end + 1, stop < 0 ? undefined : stop).trim() : undefined,
      offset: match.index,
    });
  }
  return vars;
}

/** Faults of one shader. `siblings` are the other parts that it may be put together with, without comments. */
export function lintShader(file, text, siblings = []) {
  const faults = [];
  const code = withoutComments(text);
  const fault = (offset, rule, message) => faults.push({ file, line: lineAt(text, offset), rule, message });
  const aliases = new Map([...code.matchAll(/\balias\s+(\w+)\s*=\s*([^;]+);/g)].map((match) => [match[1], match[2]]));
  const isHalf = (type) => F16.test(type.replace(/\b[A-Za-z_]\w*\b/g, (word) => aliases.get(word) ?? word));
  const vars = findVars(code);
  for (const { space, access, name, type, value, offset } of vars) {
    const isModule = space === 'workgroup' || space === 'storage' || space === 'uniform';
    if (!isModule && value === undefined)
      fault(offset, 'initialiser', `var ${name} has no initialiser: write "= ${type || 'TYPE'}()" or a value`);
    const half = type ? isHalf(type) : isHalf(value ?? '');
    const sums = new RegExp(
      `\\b${name}\\b(?:\\[[^\\]]*\\]|\\.\\w+)*\\s*(?:\\+=|=\\s*(?:fma\\s*\\(|${name}\\b[^;=]*\\+))`,
    );
    if (!isModule && half && sums.test(code)) fault(offset, 'f16-sum', `${name} sums in f16: accumulate in f32`);
    if (space === 'storage' && access === 'read_write') {
      const writes = new RegExp(
        `\\b${name}\\s*(?:\\[[^;]*?\\](?:\\.\\w+)*\\s*[-+*/|&^]?=[^=]|[-+]?=[^=])|&\\s*${name}\\b`,
      );
      if (![code, ...siblings].some((part) => writes.test(part)))
        fault(offset, 'access', `${name} is never written: declare it var<storage, read>`);
    }
  }
  for (const match of text.matchAll(/\$\{|^[ \t]*#\w+/gm))
    fault(match.index, 'interpolation', `"${match[0].trim()}" is no WGSL: use a prelude, an override or another part`);
  for (const [index, line] of text.split('\n').entries()) {
    if (line.length > MAX_COLUMNS)
      faults.push({
        file,
        line: index + 1,
        rule: 'columns',
        message: `${line.length} columns, at most ${MAX_COLUMNS}`,
      });
    if (line.includes('\t')) faults.push({ file, line: index + 1, rule: 'columns', message: 'a tab: use two spaces' });
  }
  if (dirname(file).endsWith('wgsl-lib')) {
    const lines = text.trimEnd().split('\n').length;
    if (lines > MAX_LIBRARY_LINES)
      faults.push({ file, rule: 'library', message: `${lines} lines, at most ${MAX_LIBRARY_LINES}` });
    for (const match of code.matchAll(/@group|@binding/g))
      fault(match.index, 'library', 'a binding: parts of wgsl-lib are used by many kernels, which number their own');
  }
  return faults;
}

/** Faults of all shaders below `root`/kernels, and how many there are. */
export function lintShaders(root) {
  const files = listFiles(root, (name) => name.startsWith('kernels/') && name.endsWith('.wgsl'));
  const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
  const faults = files.flatMap((file) => {
    const others = files.filter(
      (other) => other !== file && (dirname(other) === dirname(file) || basename(dirname(other)) === 'wgsl-lib'),
    );
    return lintShader(
      file,
      texts.get(file),
      others.map((other) => withoutComments(texts.get(other))),
    );
  });
  return { faults, files: files.length };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '../..');
  const { faults, files } = lintShaders(root);
  process.exitCode = report('lint wgsl', faults, files);
}
