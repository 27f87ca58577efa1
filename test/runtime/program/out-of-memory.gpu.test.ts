import { describe, expect, it } from 'vitest';
import type { Engine } from '../../../runtime/engine.ts';
import { DeviceError } from '../../../runtime/errors.ts';
import { openEngine } from '../../../runtime/node/open-engine.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { scalePlan } from '../../support/toy-plan.ts';
import { testEngine } from '../../support/engine.ts';

const shared = await testEngine();

/** Makes the device say `times` times that it is out of memory, whenever a scope for that is popped. */
function runOutOfMemory(engine: Engine, times: number): void {
  const { device } = engine;
  const filters: GPUErrorFilter[] = [];
  const push = device.pushErrorScope.bind(device);
  const pop = device.popErrorScope.bind(device);
  let left = times;
  device.pushErrorScope = (filter) => {
    filters.push(filter);
    push(filter);
  };
  device.popErrorScope = async () => {
    const filter = filters.pop();
    const error = await pop();
    if (filter !== 'out-of-memory' || left === 0) return error;
    left--;
    return { message: 'planted' } as GPUError;
  };
}

function plan(engine: Engine) {
  const builder = new ProgramBuilder(engine.facts, 'big');
  const x = builder.state('x', 'f32', [100]);
  builder.segment('all', () => builder.dispatch(scalePlan(100, 2), [x, builder.state('y', 'f32', [100])]));
  return builder.finish();
}

describe.skipIf(typeof shared === 'string')('out of memory', () => {
  it('says what was asked for and what helps, and keeps nothing of the attempt', async () => {
    await using engine = await openEngine();
    runOutOfMemory(engine, 1);
    const attempt = compileProgram(engine, plan(engine));
    await expect(attempt).rejects.toThrow(DeviceError);
    await expect(attempt).rejects.toThrow(
      /program "big": the device is out of memory \(\d+ bytes asked for, 0 in use\)\. Use smaller weights/,
    );
    expect(engine.counters.liveBytes).toBe(0);
    expect(engine.pool.idleBytes).toBe(0);
    const program = await compileProgram(engine, plan(engine));
    program.write(
      'x',
      Float32Array.from({ length: 100 }, () => 3),
    );
    program.run();
    expect((await program.read('y'))[0]).toBe(6);
  });

  it('empties the pool and tries once more', async () => {
    await using engine = await openEngine();
    (await compileProgram(engine, plan(engine))).dispose(); // its buffers stay in the pool
    expect(engine.pool.idleBytes).toBeGreaterThan(0);
    runOutOfMemory(engine, 1);
    const program = await compileProgram(engine, plan(engine));
    expect(engine.pool.idleBytes).toBe(0);
    program.run();
    expect((await program.read('y'))[0]).toBe(0);
  });
});
