import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readPng } from '../../runtime/image/png.ts';
import { main } from '../../tools/program.ts';
import { testEngine } from '../support/engine.ts';
import { TINY_MRT } from '../support/tiny-mrt.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const POSTER = join(ROOT, 'examples/poster');
const engine = await testEngine();
const folder = mkdtempSync(join(tmpdir(), 'layerloom-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command in this process and collects what it prints. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void out.push(line));
  const error = vi.spyOn(console, 'error').mockImplementation((line: string) => void err.push(line));
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => (err.push(String(text)), true));
  try {
    const code = await main(args);
    return { code, out: out.join('\n'), err: err.join('\n') };
  } finally {
    log.mockRestore();
    error.mockRestore();
    write.mockRestore();
    process.exitCode = undefined;
  }
}

const flags = (name: string): string[] => ['-m', TINY_MRT, '-o', join(folder, name), '--steps', '2', '--seed', '5'];

/** Every file below a folder, sorted. */
function filesOf(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
}

describe.skipIf(typeof engine === 'string')('commands that run a model', () => {
  beforeEach(() => {
    process.exitCode = undefined;
  });
  afterEach(() => {
    process.exitCode = undefined;
  });

  it('decompose writes layers, merged picture and a document that fits them', async () => {
    const { code, out } = await run(
      'decompose',
      join(POSTER, 'poster.png'),
      '-l',
      join(POSTER, 'layout.json'),
      ...flags('d'),
    );
    expect(code).toBe(0);
    expect(out).toContain('merged against the input');
    const layout = JSON.parse(readFileSync(join(folder, 'd/layout.json'), 'utf8'));
    expect(layout.task).toBeUndefined();
    for (const layer of layout.layers) {
      const picture = readPng(readFileSync(join(folder, 'd', layer.source.uri)));
      expect([picture.width, picture.height]).toEqual([layer.box[2] - layer.box[0], layer.box[3] - layer.box[1]]);
    }
    const merged = readPng(readFileSync(join(folder, 'd/merged.png')));
    expect([merged.width, merged.height]).toEqual([layout.canvas.width, layout.canvas.height]);
    expect(filesOf(join(folder, 'd')).filter((name) => name.includes('incomplete'))).toEqual([]);
  });

  it('generate and edit go on from each other, and kept layers stay byte for byte', async () => {
    expect((await run('generate', 'a sun over hills', '-l', join(POSTER, 'layout.json'), ...flags('g'))).code).toBe(0);
    const added = await run(
      'edit',
      'add',
      join(folder, 'g'),
      '--box',
      '8,8,40,40',
      '--caption',
      'green ring',
      '--id',
      'ring',
      ...flags('a'),
      '--json',
    );
    expect(added.code).toBe(0);
    const report = JSON.parse(added.out);
    expect(report.layers.map((layer: { id: string }) => layer.id)).toContain('ring');
    expect(report.meta).toMatchObject({ task: 'add', steps: 2, seed: 5 });
    for (const { id, file } of report.layers) {
      if (id === 'ring') continue;
      expect(readPng(readFileSync(join(folder, 'a', file))), id).toEqual(
        readPng(readFileSync(join(folder, 'g', file))),
      );
    }
    const restyled = await run('edit', 'restyle', join(folder, 'a'), '--layer', 'ring', ...flags('r'));
    expect(restyled.code).toBe(0);
    expect(existsSync(join(folder, 'r/merged.png'))).toBe(true);
  });

  it('tells each failure in one line, with its exit code', async () => {
    const cases: [string[], number, string][] = [
      [
        ['decompose', 'nowhere.png', '-l', join(POSTER, 'layout.json'), ...flags('x')],
        2,
        'nowhere.png: cannot be read',
      ],
      [['decompose', join(POSTER, 'layout.json'), '-l', join(POSTER, 'layout.json'), ...flags('x')], 1, 'PNG'],
      [['generate', 'x', '-l', join(POSTER, 'poster.png'), ...flags('x')], 2, 'Give a layout.json'],
      [['generate', 'x', '-l', join(POSTER, 'layout.json'), '-m', folder], 1, 'neither mrt.json nor model_index.json'],
      [['edit', 'add', POSTER, '--box', '1,2,3,4', ...flags('x')], 2, 'both --box and --caption'],
      [['edit', 'restyle', POSTER, '--layer', 'moon', ...flags('x')], 2, 'no layer "moon". It has:'],
      [['inspect', 'nowhere'], 2, 'nowhere: is not there'],
    ];
    for (const [args, expected, text] of cases) {
      const { code, err } = await run(...args);
      expect(
        [
          code,
          err
            .split('\n')
            .filter((line) => line.startsWith('layerloom:'))
            .join(),
        ],
        args.join(' '),
      ).toEqual([expected, expect.stringContaining(text)]);
    }
    expect(existsSync(join(folder, 'x'))).toBe(false);
  });

  it('names the nearest flag of a mistyped one', async () => {
    const write = vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    const code = await main(['generate', 'x', '-l', 'y', '--stpes', '8']);
    const text = write.mock.calls.map(([line]) => String(line)).join('');
    write.mockRestore();
    expect(code).toBe(2);
    expect(text).toContain('--steps');
  });

  it("refuses pictures outside of the design's folder", async () => {
    const inside = mkdtempSync(join(folder, 'jail-'));
    writeFileSync(
      join(inside, 'layout.json'),
      JSON.stringify({
        format: 'layered-design/1',
        canvas: { width: 32, height: 32 },
        layers: [
          { id: 'bg', kind: 'background', z: 0, box: null, source: { uri: 'bg.png' } },
          { id: 'a', kind: 'image', z: 1, box: [0, 0, 16, 16] },
        ],
      }),
    );
    symlinkSync(join(POSTER, 'poster.png'), join(inside, 'bg.png'));
    const { code, err } = await run('edit', 'add', inside, '--layer', 'a', ...flags('x'));
    expect(code).toBe(1);
    expect(err).toContain("leads out of the design's folder");
  });

  it('stops on Ctrl-C with code 130 and leaves no half-written file', async () => {
    const child = spawn(
      process.execPath,
      [
        join(ROOT, 'tools/run.mjs'),
        'decompose',
        join(POSTER, 'poster.png'),
        '-l',
        join(POSTER, 'layout.json'),
        '-m',
        TINY_MRT,
        '-o',
        join(folder, 'c'),
        '--steps',
        '1000',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let err = '';
    let interrupted = false;
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
      if (interrupted || !/step 2\//.test(err)) return;
      interrupted = true; // a second signal would end the process at once
      child.kill('SIGINT');
    });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    expect([code, err]).toEqual([130, expect.stringContaining('cancelled')]);
    expect(existsSync(join(folder, 'c'))).toBe(false);
  });
});

describe('inspect', () => {
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ _class_name: 'QwenImageTransformer2DModel' }));

  it('plans a run at the 20B size without weights', async () => {
    const { code, out } = await run(
      'inspect',
      config,
      '--plan',
      '--size',
      '1024x1024',
      '--layers',
      '0',
      '--task',
      't2l',
      '--no-device',
      '--json',
    );
    expect(code).toBe(0);
    const { estimate } = JSON.parse(out);
    expect(estimate.parameters).toBe(20_430_401_088);
    expect(estimate.imageTokens).toBe(2 * 4096);
    // 13.59 GFLOP a token + 0.737 MFLOP a pair, less what the last block does not need (spec kernels 1.3)
    const tokens = estimate.imageTokens + estimate.textTokens;
    const formula = 13.59e9 * tokens + 0.737e6 * tokens ** 2;
    expect(estimate.flopsPerForward / formula).toBeGreaterThan(0.98);
    expect(estimate.flopsPerForward / formula).toBeLessThan(1.02);
    // all but the modulation weights stay on the device, in bf16
    expect(estimate.weightBytes / (2 * (20_430_401_088 - 6_796_984_320))).toBeCloseTo(1, 1);
  });

  it('refuses what the memory does not hold, with the numbers', async () => {
    const { code, err } = await run('inspect', config, '--plan', '--size', '512x512', '--no-device', '--memory', '8');
    expect(code).toBe(4);
    expect(err).toMatch(/does not fit 8\.00 GiB: the transformer takes \d+ bytes/);
  });

  it('describes a checkpoint and a file', async () => {
    const model = await run('inspect', TINY_MRT);
    expect(model.out).toContain('transformer');
    const file = await run('inspect', join(TINY_MRT, 'vae/diffusion_pytorch_model.safetensors'), '--json');
    expect(JSON.parse(file.out).tensors.length).toBeGreaterThan(100);
  });
});
