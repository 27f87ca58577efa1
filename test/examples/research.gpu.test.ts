import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../runtime/io/byte-source.ts';
import { openSafetensors } from '../../runtime/safetensors/reader.ts';
import { testEngine } from '../support/engine.ts';
import { TINY_MRT } from '../support/tiny-mrt.ts';

const engine = await testEngine();
const TSX = join(import.meta.dirname, '../../node_modules/tsx/dist/cli.mjs');

/** Runs an example as a reader would, on the small checkpoint. */
async function run(name: string, ...args: string[]): Promise<string> {
  const script = join(import.meta.dirname, '../../examples/research', `${name}.ts`);
  const { stdout } = await promisify(execFile)(process.execPath, [TSX, script, TINY_MRT, ...args]);
  return stdout;
}

describe.skipIf(typeof engine === 'string')('examples for researchers run', () => {
  it('block-outputs', async () => {
    const text = await run('block-outputs');
    expect(text).toMatch(/cond block\.2: image stream rms \d/);
    expect(text).toMatch(/without block 1 the merged picture differs by [1-9]/);
  });

  it('capture-tensors', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'layerloom-capture-'));
    try {
      await run('capture-tensors', join(folder, 'a.safetensors'));
      const open = async (name: string) =>
        openSafetensors(memorySource(new Uint8Array(await readFile(join(folder, name))), name));
      expect([...(await open('a.safetensors')).names()]).toContain('step.7.cond.block.0.txt');
      expect([...(await open('a-velocity.safetensors')).names()]).toHaveLength(8);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('custom-cache', async () => {
    const text = await run('custom-cache');
    expect(text).toMatch(/step 0 cond: computed \(first\)/);
    expect(text).toMatch(/step 1 cond: reused \(falling\), difference 0\.\d+, 1 blocks/);
    expect(text.trim().split('\n')).toHaveLength(8);
  });

  it('custom-sampler', async () => {
    expect(await run('custom-sampler')).toMatch(/^euler in 8 steps.*\nheun in 8 steps/);
  });

  it('attention-maps', async () => {
    const shares = [...(await run('attention-maps')).matchAll(/: ([\d.]+) % of the image's attention/g)];
    expect(shares).toHaveLength(8);
    for (const [, share] of shares) {
      expect(Number(share)).toBeGreaterThan(0);
      expect(Number(share)).toBeLessThan(100);
    }
  });
});
