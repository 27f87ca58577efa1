import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KernelCheck } from '../../tools/doctor/check-kernel.ts';
import { BUILD_TIMEOUT, ensureBuilt, ROOT } from '../support/built.ts';
import { findChromium, launchChromium } from './chromium.ts';
import { serve, type StaticServer } from './static-server.ts';

/** What page.mjs measures on a golden case. */
interface TransformerResult {
  readonly elements: [number, number];
  readonly nmse: number;
  readonly bound: number;
  readonly liveBytes: number;
}

const found = await findChromium();

/** The packages that platform-neutral modules import; a missing one fails to resolve in the page. */
const PACKAGES = ['@huggingface/tokenizers', '@petamoriken/float16', 'fflate', 'zod/mini'];

type Exports = string | { readonly [condition: string]: Exports };

/** What a bundler for browsers would take of a package's "exports". */
function browserTarget(exports: Exports): string | undefined {
  if (typeof exports === 'string') return exports;
  for (const [condition, target] of Object.entries(exports))
    if (['browser', 'import', 'module', 'default'].includes(condition)) {
      const found = browserTarget(target);
      if (found) return found;
    }
  return undefined;
}

function importMap(): string {
  const imports = PACKAGES.map((specifier) => {
    const [, name, subpath] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(specifier) ?? [];
    const { exports } = JSON.parse(readFileSync(join(ROOT, `node_modules/${name}/package.json`), 'utf8')) as {
      exports: Record<string, Exports>;
    };
    const target = browserTarget(exports[`.${subpath ?? ''}`] ?? exports);
    return [specifier, `/${posix.join('node_modules', name, target ?? '')}`];
  });
  return JSON.stringify({ imports: Object.fromEntries(imports) });
}

describe.skipIf(typeof found === 'string')(`headless Chromium${typeof found === 'string' ? `: ${found}` : ''}`, () => {
  if (typeof found === 'string') return;
  let server: StaticServer;
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  // As text: vitest rewrites an import() in code, and the page knows nothing of its rewriting.
  const inPage = <T>(call: string): Promise<T> =>
    page.evaluate<T>(`import('/test/browser/page.mjs').then((module) => module.${call})`).catch((cause: unknown) => {
      throw new Error(`in the page: ${String(cause)} ${problems.join('; ')}`, { cause });
    });

  beforeAll(async () => {
    ensureBuilt();
    const html = `<!doctype html><title>layerloom</title><script type="importmap">${importMap()}</script>`;
    server = await serve(ROOT, html);
    browser = await launchChromium(found);
    page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('response', (response) => {
      // Files that a checkpoint may have or lack are asked for too; a module that is missing is a fault.
      if (!response.ok() && response.url().endsWith('js')) problems.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(server.origin);
  }, BUILD_TIMEOUT);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it('runs three kernels right from the built modules', async () => {
    const { device, checks } = await inPage<{ device: string; checks: KernelCheck[] }>('kernels()');
    expect(device).toMatch(/swiftshader/);
    expect(checks.map(({ op, fault }) => [op, fault])).toEqual([
      ['rms_norm', null],
      ['matmul', null],
      ['attention', null],
    ]);
    expect(problems).toEqual([]);
  });

  it('runs a transformer on a checkpoint read over HTTP as the reference does', async () => {
    const result = await inPage<TransformerResult>("transformer('/test/golden/core', 'mrt-transformer-t2l')");
    const [elements, expected] = result.elements;
    expect(elements).toBe(expected);
    expect(result.nmse).toBeLessThanOrEqual(result.bound);
    expect(result.liveBytes).toBe(0);
  });
});
