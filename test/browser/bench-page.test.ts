import { chromium, type Browser, type Page } from 'playwright-core';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseReport } from '../../tools/benchmark/read-report.ts';
import { BUILD_TIMEOUT, ensureBuilt, ROOT } from '../support/built.ts';
import { findChromium } from './chromium.ts';
import { serve, type StaticServer } from './static-server.ts';

const found = await findChromium();
/** Milliseconds that building, loading and measuring may take each where other work has the cores. */
const LONG = 300_000;

describe.skipIf(typeof found === 'string')(`bench page${typeof found === 'string' ? `: ${found}` : ''}`, () => {
  if (typeof found === 'string') return;
  let server: StaticServer;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(
    async () => {
      ensureBuilt();
      server = await serve(ROOT, '');
      browser = await chromium.launch({
        executablePath: found.executable,
        args: ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
        env: { ...process.env, ...(found.libraries && { LD_LIBRARY_PATH: found.libraries }) } as Record<string, string>,
      });
      page = await browser.newPage();
      page.on('pageerror', (error) => problems.push(error.message));
      // Hundreds of modules, one request each.
      await page.goto(`${server.origin}/bench/page/index.html`, { timeout: LONG });
      await page.waitForSelector('input[value=rms_norm]', { timeout: LONG });
    },
    BUILD_TIMEOUT + 2 * LONG,
  );
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it(
    'measures an op, shows table and plot, and saves the report',
    async () => {
      await page.check('input[value=rms_norm]');
      await page.fill('input[name=case]', '[5,64]');
      await page.fill('input[name=seconds]', '0.05');
      await page.click('button[type=submit]');
      await page.waitForFunction(`/measured|failed/.test(document.getElementById('status').textContent)`, undefined, {
        timeout: LONG,
      });
      expect(await page.textContent('#status')).toBe('1 kernels measured');
      expect(await page.textContent('#table')).toMatch(/rms_norm +\[5,64\] uniform/);
      expect(await page.locator('#plots svg circle').count()).toBeGreaterThan(0);
      const saving = page.waitForEvent('download');
      await page.click('#export');
      const report = parseReport(readFileSync(await (await saving).path(), 'utf8'), 'saved');
      expect(report.kernels.map(({ op, fault }) => [op, fault])).toEqual([['rms_norm', null]]);
      expect(report.machine.device).toMatch(/swiftshader/i);
      expect(problems).toEqual([]);
    },
    2 * LONG,
  );
});
