import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import * as browserApi from '../../index.ts';
import { createProgram } from '../../tools/program.ts';
import { BUILD_TIMEOUT, ensureBuilt, ROOT } from '../support/built.ts';
import { testEngine } from '../support/engine.ts';

const engine = await testEngine();
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

/** Code of the first block of a language in a section. */
function block(section: string, language: string): string {
  const text = readme.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  const found = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(text);
  if (!found) throw new Error(`README section "${section}" has no ${language} block`);
  return found[1];
}

describe('README', () => {
  beforeAll(() => ensureBuilt(), BUILD_TIMEOUT);

  it('links to files that exist', () => {
    const links = [...readme.matchAll(/\]\(([^)#]+)\)|src="([^"]+)"/g)].map((match) => match[1] ?? match[2]);
    const local = links.filter((link) => !link.startsWith('https:'));
    expect(local.length).toBeGreaterThan(2);
    expect(local.filter((link) => !existsSync(join(ROOT, link)))).toEqual([]);
  });

  it('names npm scripts, commands and paths that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    const contributing = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8');
    const named = [...`${readme}${contributing}`.matchAll(/npm run ([\w:]+)/g)].map((match) => match[1]);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
    const paths = [...readme.matchAll(/\s((?:examples|test|checkpoints)\/[\w./-]+)/g)].map((match) =>
      match[1].replace(/\.$/, ''),
    );
    expect(paths.length).toBeGreaterThan(1);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('lists every command of the tool', () => {
    const names = createProgram().commands.map((command) => command.name());
    expect(names.length).toBeGreaterThan(3);
    expect(
      names.filter((name) => !readme.includes(`\`layerloom ${name} `) && !readme.includes(`\`layerloom ${name}\``)),
    ).toEqual([]);
  });

  it('imports in its browser example what the platform-neutral API has', () => {
    const [, list] = /import \{([^}]+)\} from 'layerloom'/.exec(block('In a browser', 'js')) ?? [];
    const missing = list.split(',').filter((name) => !(name.trim() in browserApi));
    expect(missing).toEqual([]);
  });

  it.skipIf(typeof engine === 'string')('has a Node example that runs', { timeout: 300_000 }, () => {
    mkdirSync(join(ROOT, 'out'), { recursive: true });
    // Inside the package, so that its own name resolves to what it exports.
    const folder = mkdtempSync(join(ROOT, 'out', 'readme-'));
    try {
      // Node 20 has no `using`: the same without it. The engine would keep the process, so both are disposed.
      const code = block('In Node', 'js')
        .replaceAll('await using ', 'const ')
        .replaceAll('out/merged.png', join(folder, 'merged.png'));
      const script = join(folder, 'example.mjs');
      writeFileSync(script, `${code}\nawait pipeline.dispose();\nengine.dispose();\n`);
      const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: ROOT, encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      expect(stdout).toMatch(/^step 1 of 2\nstep 2 of 2\nbackground \[ 0, 0, 96, 128 \] 96 128\nsun /);
      expect(existsSync(join(folder, 'merged.png'))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it.skipIf(typeof engine === 'string')('has a first command that writes what it says', { timeout: 300_000 }, () => {
    mkdirSync(join(ROOT, 'out'), { recursive: true });
    const folder = mkdtempSync(join(ROOT, 'out', 'readme-'));
    try {
      const [install, command] = block('Try it', 'sh').trim().split(' && ');
      expect(install).toBe('npm ci'); // done already: the tests run
      const args = command.replace('npx layerloom ', '').replace('--output out', `--output ${folder}/made`).split(' ');
      const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'dist/tools/cli.js'), ...args], {
        cwd: ROOT,
        encoding: 'utf8',
      });
      expect(status, stderr).toBe(0);
      for (const name of ['report.html', 'decompose/merged.png', 'generate/layout.json', 'add/layers/00-bg.png'])
        expect(existsSync(join(folder, 'made', name)), name).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
