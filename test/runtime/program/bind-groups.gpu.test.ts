import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { packParams } from '../../../runtime/program/params.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import { testEngine } from '../../support/engine.ts';
import { scalePlan } from '../../support/toy-plan.ts';

const engine = await testEngine();

function chain(facts: ConstructorParameters<typeof ProgramBuilder>[0]) {
  const builder = new ProgramBuilder(facts, 'chain');
  const [x, y] = ['x', 'y'].map((name) => builder.state(name, 'f32', [100]));
  for (const name of ['a', 'b', 'c'])
    builder.segment(name, () => {
      const half = builder.temp('f32', [100]);
      builder.dispatch(scalePlan(100, 2), [x, half]);
      builder.dispatch(scalePlan(100, name === 'c' ? 5 : 3), [half, y]);
      builder.dispatch(scalePlan(100, 1), [y, x]);
    });
  return builder.finish();
}

describe('packParams', () => {
  it('gives equal Params one slot, and aligns the slots', () => {
    const { bytes, offsets } = packParams(chain(FLOOR_FACTS), 256);
    expect(offsets).toEqual([0, 256, 512, 0, 256, 512, 0, 768, 512]);
    expect(bytes.byteLength).toBe(768 + 16);
    expect([...new Float32Array(bytes.buffer, 768, 2)].at(1)).toBe(5);
  });
});

describe.skipIf(typeof engine === 'string')('bind groups', () => {
  if (typeof engine === 'string') return;

  it('are shared by dispatches of equal ranges and Params, whatever their segment', async () => {
    const before = engine.counters.bindGroupsCreated;
    const program = await compileProgram(engine, chain(engine.facts));
    expect(engine.counters.bindGroupsCreated - before).toBe(4); // of nine dispatches
    program.write('x', new Float32Array(100).fill(1));
    program.run();
    expect((await program.read('y'))[99]).toBe(6 * 6 * 10);
    program.run(['b']);
    expect((await program.read('y'))[0]).toBe(6 * 6 * 10 * 6);
    program.dispose();
  });

  it('bind temporaries at their place in an arena', async () => {
    const builder = new ProgramBuilder(engine.facts, 'side by side');
    const x = builder.state('x', 'f32', [1000]);
    const y = builder.state('y', 'f32', [1000]);
    const z = builder.state('z', 'f32', [1000]);
    builder.segment('all', () => {
      const wide = builder.temp('f32', [1000]);
      const left = builder.temp('f32', [300]);
      const right = builder.temp('f32', [500]);
      builder.dispatch(scalePlan(1000, 2), [x, wide]);
      builder.dispatch(scalePlan(1000, 2), [wide, y]);
      builder.dispatch(scalePlan(300, 3), [x, left]);
      builder.dispatch(scalePlan(500, 4), [x, right]);
      builder.dispatch(scalePlan(300, 1), [left, y]);
      builder.dispatch(scalePlan(500, 1), [right, z]);
    });
    const program = await compileProgram(engine, builder.finish());
    expect(program.memory.arenas).toEqual([4000]);
    expect([...program.memory.placeOf.values()].map(({ byteOffset }) => byteOffset)).toEqual([0, 2048, 0]);
    const input = Float32Array.from({ length: 1000 }, (_, i) => i + 1);
    program.write('x', input);
    program.run();
    expect([...(await program.read('y'))]).toEqual([...input].map((v, i) => (i < 300 ? 3 * v : 4 * v)));
    expect([...(await program.read('z'))]).toEqual([...input].map((v, i) => (i < 500 ? 4 * v : 0)));
    program.dispose();
  });
});
