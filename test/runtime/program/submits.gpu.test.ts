import { describe, expect, it, vi } from 'vitest';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { openEngine } from '../../../runtime/node/open-engine.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import type { ProgramPlan } from '../../../runtime/program/plan.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { runPrograms, runProgramsPaced, submitWork, SUBMIT_MS, workOf } from '../../../runtime/program/submits.ts';
import type { Engine } from '../../../runtime/engine.ts';
import { testEngine } from '../../support/engine.ts';
import { scalePlan } from '../../support/toy-plan.ts';

const engine = await testEngine();

/** Doubles x `count` times, in dispatches that say they do `flops` each. */
function doublings(facts: Engine['facts'], count: number, flops: number): ProgramPlan {
  const builder = new ProgramBuilder(facts, 'doublings');
  const [x, y] = ['x', 'y'].map((name) => builder.state(name, 'f32', [8]));
  builder.segment('all', () => {
    for (let i = 0; i < count; i++)
      builder.dispatch({ ...scalePlan(8, 2), flops, bytes: 0 }, i % 2 === 0 ? [x, y] : [y, x]);
  });
  return builder.finish();
}

describe('workOf', () => {
  it('is the operations, or what the bytes stand for where moving them takes longer', () => {
    expect(workOf({ flops: 5000, bytes: 10 }, 'software')).toBe(5000);
    expect(workOf({ flops: 5, bytes: 10 }, 'software')).toBe(40);
    expect(workOf({ flops: 5, bytes: 10 }, 'gpu')).toBe(600);
    expect(workOf({ flops: 0, bytes: 0 }, 'gpu')).toBe(1);
  });
});

describe('submitWork', () => {
  const within = (kind: 'gpu' | 'software', msOf: number | undefined): number => {
    const workWithin = (ms: number): number | undefined => (msOf === undefined ? undefined : ms / msOf);
    return submitWork({ facts: { ...FLOOR_FACTS, kind }, workWithin } as unknown as Engine);
  };

  it('is what the device does in 200 ms, as measured, within bounds', () => {
    expect(SUBMIT_MS).toBe(200);
    expect(within('software', undefined)).toBe(2e9);
    expect(within('software', 1e-7)).toBeCloseTo(2e9);
    expect(within('software', 4e-7)).toBeCloseTo(5e8);
    expect(within('gpu', 1e-11)).toBeCloseTo(2e13);
    expect(within('gpu', 1e-20)).toBe(32e12);
    expect(within('software', 1)).toBe(2e9 / 32);
  });
});

describe.skipIf(typeof engine === 'string')('submits', () => {
  if (typeof engine === 'string') return;

  it('splits what does not fit into one submit, and computes the same', async () => {
    await using own = await openEngine();
    const work = submitWork(own);
    const program = await compileProgram(own, doublings(own.facts, 10, work / 3));
    program.write('x', new Float32Array(8).fill(1));
    const before = own.counters.submits;
    program.run();
    expect(own.counters.submits - before).toBe(4); // 3 + 3 + 3 + 1
    expect([...(await program.read('x'))]).toEqual(new Array(8).fill(2 ** 10));
    const small = await compileProgram(own, doublings(own.facts, 10, work / 1000));
    const then = own.counters.submits;
    runPrograms([{ program: small }, { program: small }]);
    expect(own.counters.submits - then).toBe(1);
  });

  it('tells the engine how much work is on its way, so that waits are slept through', async () => {
    await using own = await openEngine();
    const program = await compileProgram(own, doublings(own.facts, 4, 1e6));
    const submit = vi.spyOn(own, 'submit');
    program.run();
    expect(submit.mock.calls[0][1]).toBe(4e6);
    await own.idle();
  });

  it('stops between submits when aborted, and leaves the rest out', async () => {
    await using own = await openEngine();
    const program = await compileProgram(own, doublings(own.facts, 12, submitWork(own) / 2));
    program.write('x', new Float32Array(8).fill(1));
    const controller = new AbortController();
    const reason = new Error('enough');
    const idle = own.idle.bind(own);
    let waits = 0;
    own.idle = async () => {
      await idle();
      if (++waits === 2) controller.abort(reason);
    };
    await expect(runProgramsPaced([{ program }], controller.signal)).rejects.toBe(reason);
    own.idle = idle;
    const x = await program.read('x');
    const done = Math.log2(x[0]);
    expect(done).toBeGreaterThanOrEqual(2);
    expect(done).toBeLessThan(12);
    await program.runPaced();
    expect(Math.log2((await program.read('x'))[0])).toBe(done + 12);
  });

  it('runs nothing where the signal is aborted already', async () => {
    const program = await compileProgram(engine, doublings(engine.facts, 2, 1));
    const { submits } = engine.counters;
    await expect(program.runPaced(undefined, AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    expect(engine.counters.submits).toBe(submits);
    program.dispose();
  });
});
