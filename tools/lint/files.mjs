// Which files the linters look at, and how they report.
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const SKIPPED_FOLDERS = new Set(['node_modules', 'dist', 'build', 'out', 'demo', 'gpu-bundle', 'checkpoints']);
const isSkipped = (name) => SKIPPED_FOLDERS.has(name) || name.startsWith('.') || name.startsWith('dist.');

/** Paths below `root` (with `/`, sorted) of the files that `wanted` takes; made and foreign folders are left out. */
export function listFiles(root, wanted) {
  const found = [];
  const visit = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!isSkipped(entry.name)) visit(path);
      } else if (entry.isFile()) {
        const name = relative(root, path).split(sep).join('/');
        if (wanted(name)) found.push(name);
      }
    }
  };
  if (existsSync(root)) visit(root);
  return found.sort((a, b) => (a < b ? -1 : 1));
}

/** Blanks comments and keeps every line and column where it was. Strings are left: no rule here trips over one. */
export function withoutComments(text) {
  const blank = (comment) => comment.replace(/[^\n]/g, ' ');
  return text
    .replace(/\/\*[\s\S]*?\*\//g, blank)
    .replace(/(^|[^:'"])\/\/[^\n]*/g, (all, before) => before + blank(all.slice(before.length)));
}

/** Line number of a character offset, from 1. */
export function lineAt(text, offset) {
  return text.slice(0, offset).split('\n').length;
}

/** Prints faults as `file:line: [rule] message` and returns the exit code. */
export function report(name, faults, files) {
  for (const { file, line, rule, message } of faults) console.error(`${file}:${line ?? 1}: [${rule}] ${message}`);
  console.log(`${name}: ${files} files, ${faults.length} faults`);
  return faults.length > 0 ? 1 : 0;
}
