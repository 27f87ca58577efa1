import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../runtime/engine.ts';
import { cast } from '../../../runtime/ops/cast.ts';
import { embeddingGather } from '../../../runtime/ops/embedding-gather.ts';
import { meanDifferences } from '../../../runtime/ops/mean-differences.ts';
import { patchify, unpatchify } from '../../../runtime/ops/patchify.ts';
import { scaleAdd } from '../../../runtime/ops/scale-add.ts';
import { readScan, scan } from '../../../runtime/ops/scan.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import type { Value } from '../../../runtime/program/plan.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { seededRandom } from '../../support/random.ts';
import { testEngine } from '../../support/engine.ts';

const engine = await testEngine();

/** Records one segment, writes the states, runs it and reads state `y`. */
async function runOps(
  device: Engine,
  record: (builder: ProgramBuilder, state: (name: string, ...shape: number[]) => Value) => void,
  inputs: Readonly<Record<string, Float32Array>>,
): Promise<Float32Array> {
  const builder = new ProgramBuilder(device.facts, 'ops');
  builder.segment('all', () => record(builder, (name, ...shape) => builder.state(name, 'f32', shape)));
  const program = await compileProgram(device, builder.finish());
  for (const [name, data] of Object.entries(inputs)) program.write(name, data);
  program.run();
  const words = await program.read('y');
  program.dispose();
  return words as Float32Array;
}

describe.skipIf(typeof engine === 'string')('ops of several kernels or with windows', () => {
  if (typeof engine === 'string') return;
  const random = seededRandom(7);

  it('meanDifferences: both means of a window, the same in every run', async () => {
    const a = random.floats(40 * 24);
    const b = random.floats(40 * 24);
    const record = (builder: ProgramBuilder, state: (name: string, ...shape: number[]) => Value) => {
      const window = (value: Value) => builder.columns(builder.rows(value, 3, 30), 5, 17);
      meanDifferences(builder, { a: window(state('a', 40, 24)), b: window(state('b', 40, 24)), out: state('y', 2) });
    };
    let apart = 0;
    let size = 0;
    for (let r = 3; r < 33; r++)
      for (let c = 5; c < 22; c++) {
        apart += Math.abs(a[r * 24 + c] - b[r * 24 + c]) / (30 * 17);
        size += Math.abs(a[r * 24 + c]) / (30 * 17);
      }
    const first = await runOps(engine, record, { a, b });
    expect(first[0]).toBeCloseTo(apart, 6);
    expect(first[1]).toBeCloseTo(size, 6);
    expect(await runOps(engine, record, { a, b })).toEqual(first);
  });

  it('scan: finds the largest magnitude and counts what is not finite', async () => {
    const x = random.floats(2000);
    x[77] = -31.5;
    x[1999] = Number.NaN;
    x[3] = -Infinity;
    const builder = new ProgramBuilder(engine.facts, 'scan');
    const state = builder.state('x', 'f32', [50, 40]);
    const found = builder.state('found', 'u32', [2]);
    builder.segment('all', () => scan(builder, { x: state, out: found }));
    const program = await compileProgram(engine, builder.finish());
    program.write('x', x);
    program.run();
    expect(readScan((await program.read('found')) as Uint32Array)).toEqual({ maxAbs: 31.5, nonFinite: 2 });
    program.dispose();
  });

  it('patchify and unpatchify: a region goes there and back, the rest of the plane stays', async () => {
    const latents = random.floats(4 * 6 * 8);
    const plane = random.floats(4 * 6 * 8);
    const region = { y: 2, x: 1, height: 4, width: 6 };
    const back = await runOps(
      engine,
      (builder, state) => {
        const tokens = patchify(builder, { latents: state('latents', 4, 6, 8), layout: 'chw', region });
        expect(tokens.shape).toEqual([6, 16]);
        unpatchify(builder, { tokens, latents: state('y', 4, 6, 8), layout: 'chw', region });
      },
      { latents, y: plane },
    );
    for (let c = 0; c < 4; c++)
      for (let y = 0; y < 6; y++)
        for (let x = 0; x < 8; x++) {
          const at = (c * 6 + y) * 8 + x;
          const inside = y >= 2 && x >= 1 && x < 7;
          expect(back[at]).toBe(inside ? latents[at] : plane[at]);
        }
  });

  it('scaleAdd: factors read from a buffer that changes between runs of one recording', async () => {
    const builder = new ProgramBuilder(engine.facts, 'factors');
    const [a, b, y] = ['a', 'b', 'y'].map((name) => builder.state(name, 'f32', [3, 5]));
    const scalars = builder.state('scalars', 'f32', [4]);
    builder.segment('all', () => {
      const tail = builder.rows(scalars, 2, 2);
      scaleAdd(builder, { a, b, alpha: { scalar: 1 }, beta: { scalar: 0 }, scalars: tail, out: y });
    });
    const program = await compileProgram(engine, builder.finish());
    const data = { a: random.floats(15), b: random.floats(15) };
    program.write('a', data.a);
    program.write('b', data.b);
    for (const [alpha, beta] of [
      [1, 0.5],
      [0.25, -2],
    ]) {
      program.write('scalars', Float32Array.of(9, 9, beta, alpha));
      program.run();
      const result = (await program.read('y')) as Float32Array;
      result.forEach((value, i) => expect(value).toBeCloseTo(alpha * data.a[i] + beta * data.b[i], 5));
    }
    program.dispose();
  });

  it('cast and embeddingGather: rows of a table narrowed on the device', async () => {
    const table = Float32Array.from({ length: 6 * 5 }, (_, i) => i / 8);
    const y = await runOps(
      engine,
      (builder, state) => {
        const narrow = cast(builder, { x: state('table', 6, 5), to: 'bf16' });
        const ids = builder.constant(Uint32Array.of(4, 0, 5), 'u32', [3], 'ids');
        embeddingGather(builder, { table: narrow, ids, out: state('y', 3, 5) });
      },
      { table },
    );
    expect([...y]).toEqual([4, 0, 5].flatMap((id) => [...table.subarray(id * 5, id * 5 + 5)]));
  });

  it('refuses operands that do not fit, by name', () => {
    const builder = new ProgramBuilder(engine.facts, 'wrong');
    const x = builder.state('x', 'f32', [4, 6]);
    const words = builder.state('words', 'u32', [4, 6]);
    const refuse = (record: () => unknown, message: string) =>
      expect(() => builder.segment(message, () => void record())).toThrow(message);
    refuse(() => meanDifferences(builder, { a: x, b: builder.rows(x, 0, 2) }), 'reduce: b must be [4, 6], got [2, 6].');
    refuse(() => scan(builder, { x: words }), 'scan: x must be f32, got u32.');
    refuse(() => cast(builder, { x: builder.columns(x, 0, 2), to: 'f16' }), 'cast: takes no windows of columns');
    refuse(
      () => embeddingGather(builder, { table: words, ids: words }),
      'embedding_gather: table must be f32, f16 or bf16, got u32.',
    );
    refuse(() => scaleAdd(builder, { a: x, b: x, alpha: { scalar: 0 } }), 'go together, got no scalars.');
    refuse(() => patchify(builder, { latents: x, layout: 'chw' }), 'patchify: latents must be [*, *, *], got [4, 6].');
  });
});
