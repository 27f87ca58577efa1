import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../runtime/engine.ts';
import { DeviceError } from '../../../runtime/errors.ts';
import { openDriver, openEngine } from '../../../runtime/node/open-engine.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { profileProgram } from '../../../runtime/timing.ts';
import { WeightStore } from '../../../runtime/weights/weight-store.ts';
import { scalePlan } from '../../support/toy-plan.ts';
import { testEngine } from '../../support/engine.ts';

const shared = await testEngine();
const open = () => openEngine();

function chain(facts: Parameters<typeof makeBuilder>[0]) {
  const builder = makeBuilder(facts);
  const x = builder.state('x', 'f32', [100]);
  const y = builder.state('y', 'f32', [100]);
  builder.segment('double', () => {
    const half = builder.temp('f32', [100]);
    builder.dispatch(scalePlan(100, 4), [x, half]);
    builder.dispatch(scalePlan(100, 0.5), [half, y]);
  });
  builder.segment('back', () => builder.dispatch(scalePlan(100, 1), [y, x]));
  return builder.finish();
}
const makeBuilder = (facts: ConstructorParameters<typeof ProgramBuilder>[0]) => new ProgramBuilder(facts, 'chain');
const input = Float32Array.from({ length: 100 }, (_, i) => i + 0.5);

describe.skipIf(typeof shared === 'string')('Program', () => {
  it('replays segments in any order, and makes nothing new after the first run', async () => {
    await using engine = await open();
    const program = await compileProgram(engine, chain(engine.facts));
    program.write('x', input);
    program.run(['double']);
    expect([...(await program.read('y'))]).toEqual([...input].map((v) => 2 * v));
    const before = { ...engine.counters };
    for (let i = 0; i < 5; i++) program.run(['back', 'double']);
    expect([...(await program.read('y'))]).toEqual([...input].map((v) => 64 * v));
    expect(engine.counters.pipelinesCompiled).toBe(before.pipelinesCompiled);
    expect(engine.counters.buffersCreated).toBe(before.buffersCreated);
    expect(engine.counters.bindGroupsCreated).toBe(before.bindGroupsCreated);
    expect(engine.counters.dispatches - before.dispatches).toBe(15);
    program.dispose();
    program.dispose();
    expect(() => program.run()).toThrow('used after dispose()');
    engine.dispose();
    expect(engine.counters.liveBytes).toBe(0);
    expect(engine.counters.liveBuffers).toBe(0);
  });

  it("works on a tensor of the caller in place of a state, and on the app's own device", async () => {
    const { gpu } = await openDriver();
    const adapter = await gpu.requestAdapter();
    const device = await adapter!.requestDevice();
    const engine = await createEngine({ device });
    const tensor = engine.tensor('f32', [100], input, 'mine');
    const program = await compileProgram(engine, chain(engine.facts), { bind: { x: tensor } });
    program.run(['double', 'back']);
    expect([...(await tensor.read())]).toEqual([...input].map((v) => 2 * v));
    engine.dispose();
    expect(engine.counters.liveBytes).toBe(0);
    // the device is the app's: it must go on working
    const buffer = device.createBuffer({ size: 16, usage: 8 });
    expect(buffer.size).toBe(16);
    device.destroy();
  });

  it('loads each weight once, reports progress, and frees weights on dispose', async () => {
    await using engine = await open();
    const read: string[] = [];
    const store = new WeightStore(engine, {
      name: 'toy',
      readTensor: async (name) => {
        read.push(name);
        return { name, dtype: 'F32', shape: [100], bytes: new Uint8Array(input.buffer), toF32: () => input };
      },
    });
    const plan = () => {
      const builder = makeBuilder(engine.facts);
      const { weight } = builder.weights({
        key: 'w',
        tensors: ['w'],
        parts: { weight: { dtype: 'f32', shape: [100] } },
        pack: ([tensor]) => ({ weight: tensor.toF32() }),
      });
      const y = builder.state('y', 'f32', [100]);
      builder.segment('all', () => builder.dispatch(scalePlan(100, 3), [weight, y]));
      return builder.finish();
    };
    const first = await compileProgram(engine, plan(), { weights: store });
    const second = await compileProgram(engine, plan(), { weights: store });
    second.run();
    expect([...(await second.read('y'))]).toEqual([...input].map((v) => 3 * v));
    expect(read).toEqual(['w']);
    first.dispose();
    second.dispose();
    await store.dispose();
    engine.pool.trim();
    expect(engine.pool.idleBytes).toBe(0);
  });

  it('rejects pending work when the device is lost, with a remedy', async () => {
    const engine = await open();
    const program = await compileProgram(engine, chain(engine.facts));
    engine.device.destroy(); // what a lost device looks like to the engine: it did not ask for it
    await expect(program.read('y')).rejects.toThrow(DeviceError);
    await expect(engine.idle()).rejects.toThrow('Create a new engine');
    engine.dispose();
    expect(engine.counters.liveBytes).toBe(0);
  });

  it('says what was asked for when the device is out of memory or the size is over a limit', async () => {
    await using engine = await open();
    const size = engine.facts.limits.maxBufferSize + 4;
    expect(() => engine.tensor('f32', [size / 4], undefined, 'huge')).toThrow(`exceed the device's maxBufferSize`);
  });

  it('stops before compiling when aborted', async () => {
    await using engine = await open();
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(compileProgram(engine, chain(engine.facts), { signal })).rejects.toThrow('enough');
  });

  it('times each dispatch by timestamps', async () => {
    if (typeof shared === 'string' || !shared.device.features.has('timestamp-query')) return;
    const program = await compileProgram(shared, chain(shared.facts));
    const timings = await profileProgram(shared, program, ['double']);
    expect(timings.map((timing) => [timing.op, timing.segment])).toEqual([
      ['toy_scale', 'double'],
      ['toy_scale', 'double'],
    ]);
    for (const timing of timings) expect(timing.durationMs).toBeGreaterThan(0);
  });

  it('names op, variant and line of a shader that does not compile', async () => {
    await using engine = await open();
    const plan = { ...scalePlan(4, 1), sources: ['@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }'] };
    await expect(engine.pipelines.get(plan)).rejects.toThrow(/toy_scale\[plain\]: WGSL does not compile: 1:\d+/);
  });
});
