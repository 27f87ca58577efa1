import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build, type InlineConfig } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseReport } from '../../tools/benchmark/read-report.ts';
import { BUILD_TIMEOUT, ROOT } from '../support/built.ts';
import { findChromium, launchChromium } from './chromium.ts';
import { serve, type StaticServer } from './static-server.ts';

const found = await findChromium();
/** Milliseconds that loading and measuring may take each where other work has the cores. */
const LONG = 300_000;
/** Where on its server the page lies: it must not think that it is at the top. */
const BASE = 'some/folder';

/** What `npm run build:page` runs, after the shaders are embedded (global-setup does that). */
const CONFIG: InlineConfig = { configFile: join(ROOT, 'bench/page/vite.config.ts'), logLevel: 'warn' };

describe('the build of the bench page', () => {
  it('is refused where a module of Node would come in', async () => {
    const input = join(ROOT, 'runtime/node/file-source.ts');
    await expect(
      build({ ...CONFIG, logLevel: 'silent', build: { write: false, rolldownOptions: { input } } }),
    ).rejects.toThrow(/cannot have "node:/);
  });
});

describe.skipIf(typeof found === 'string')(`bench page${typeof found === 'string' ? `: ${found}` : ''}`, () => {
  if (typeof found === 'string') return;
  let folder: string;
  let server: StaticServer;
  let browser: Browser;
  let page: Page;
  const requests: string[] = [];
  const problems: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bench-page-'));
    await build({ ...CONFIG, build: { outDir: join(folder, BASE), emptyOutDir: true } });
    server = await serve(folder, '');
    browser = await launchChromium(found);
    page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(`${server.origin}/${BASE}/index.html`, { timeout: LONG });
    await page.waitForSelector('input[value=rms_norm]', { timeout: LONG });
  }, BUILD_TIMEOUT);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('is a page and one module beside it, of this version', async () => {
    const assets = await readdir(join(folder, BASE, 'assets'));
    expect(assets).toEqual([expect.stringMatching(/^index-[\w-]+\.js$/)]);
    expect(requests.filter((url) => !url.startsWith('data:'))).toEqual([
      `${server.origin}/${BASE}/index.html`,
      `${server.origin}/${BASE}/assets/${assets[0]}`,
    ]);
    const bundle = await readFile(join(folder, BASE, 'assets', assets[0]), 'utf8');
    expect(bundle).not.toMatch(/(?:from|import|require)\s*\(?\s*["'`]/);
  });

  it(
    'measures an op, shows table and plot, and saves the report',
    async () => {
      await page.check('input[value=rms_norm]');
      await page.fill('input[name=case]', '[5,64]');
      await page.fill('input[name=seconds]', '0.05');
      await page.click('#run');
      await page.waitForFunction(`/measured|failed/.test(document.getElementById('status').textContent)`, undefined, {
        timeout: LONG,
      });
      expect(await page.textContent('#status')).toBe('1 kernels measured');
      expect(await page.textContent('#table')).toMatch(/rms_norm +\[5,64\] uniform/);
      expect(await page.locator('#plots svg circle').count()).toBeGreaterThan(0);
      const saving = page.waitForEvent('download');
      await page.click('#export');
      const report = parseReport(await readFile(await (await saving).path(), 'utf8'), 'saved');
      expect(report.kernels.map(({ op, fault }) => [op, fault])).toEqual([['rms_norm', null]]);
      expect(report.kernels[0].hostUs?.p50).toBeGreaterThan(0);
      expect(report.machine.device).toMatch(/swiftshader/i);
      const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
      expect(report.layerloom).toBe(version);
      expect(problems).toEqual([]);
    },
    2 * LONG,
  );
});
