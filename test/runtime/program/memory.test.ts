import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { ShapeError } from '../../../runtime/errors.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { planMemory } from '../../../runtime/program/memory.ts';
import { scalePlan } from '../../support/toy-plan.ts';
import { seededRandom } from '../../support/random.ts';

describe('planMemory', () => {
  it('lets a chain of temporaries of one size live in two buffers', () => {
    const builder = new ProgramBuilder(FLOOR_FACTS, 'chain');
    const input = builder.state('input', 'f32', [100]);
    const output = builder.state('output', 'f32', [100]);
    builder.segment('all', () => {
      let last = input;
      for (let i = 0; i < 9; i++) {
        const next = builder.temp('f32', [100]);
        builder.dispatch(scalePlan(100, 2), [last, next]);
        last = next;
      }
      builder.dispatch(scalePlan(100, 2), [last, output]);
    });
    const memory = planMemory(builder.finish());
    expect(memory.slots).toEqual([400, 400]);
    expect(memory.peakLiveBytes).toBe(800);
    expect(memory.stateBytes).toBe(800);
  });

  it('never puts two values that are alive together into one slot', () => {
    const random = seededRandom(5);
    for (let round = 0; round < 50; round++) {
      const builder = new ProgramBuilder(FLOOR_FACTS, 'random');
      const values = [builder.state('x', 'f32', [64])];
      builder.segment('all', () => {
        for (let i = 0; i < 30; i++) {
          const size = 1 + random.integer(64);
          const from = values[random.integer(values.length)];
          const to = builder.temp('f32', [size]);
          builder.dispatch(scalePlan(Math.min(size, from.shape[0]), 1), [from, to]);
          values.push(to);
        }
      });
      const plan = builder.finish();
      const { slotOf, slots, peakLiveBytes, arenaBytes } = planMemory(plan);
      expect(arenaBytes).toBeGreaterThanOrEqual(peakLiveBytes);
      const spans = new Map<number, [number, number]>();
      plan.dispatches.forEach((dispatch, index) => {
        for (const id of dispatch.operands) spans.set(id, [spans.get(id)?.[0] ?? index, index]);
      });
      for (const [a, slotA] of slotOf) {
        expect(slots[slotA]).toBeGreaterThanOrEqual(plan.storages[a].byteLength);
        for (const [b, slotB] of slotOf) {
          if (a >= b || slotA !== slotB) continue;
          const [startA, endA] = spans.get(a)!;
          const [startB, endB] = spans.get(b)!;
          expect(endA < startB || endB < startA).toBe(true);
        }
      }
    }
  });

  it('refuses a temporary that crosses segments', () => {
    const builder = new ProgramBuilder(FLOOR_FACTS, 'crossing');
    const x = builder.state('x', 'f32', [4]);
    const y = builder.temp('f32', [4], 'middle');
    builder.segment('a', () => builder.dispatch(scalePlan(4, 1), [x, y]));
    builder.segment('b', () => builder.dispatch(scalePlan(4, 1), [y, x]));
    expect(() => planMemory(builder.finish())).toThrow(ShapeError);
    expect(() => planMemory(builder.finish())).toThrow('temp "middle" is used in segments "a" and "b"');
  });
});

describe('ProgramBuilder', () => {
  it('refuses one storage bound for reading and for writing, naming it', () => {
    const builder = new ProgramBuilder(FLOOR_FACTS, 'alias');
    const x = builder.state('x', 'f32', [4]);
    builder.segment('a', () => {
      expect(() => builder.dispatch(scalePlan(4, 1), [x, x])).toThrow('"x" is bound both for reading and for writing');
    });
  });

  it('refuses an operand that is too short, with both numbers', () => {
    const builder = new ProgramBuilder(FLOOR_FACTS, 'short');
    const x = builder.state('x', 'f32', [4]);
    builder.segment('a', () => {
      expect(() => builder.dispatch(scalePlan(5, 1), [x, builder.temp('f32', [5])])).toThrow(
        'needs 20 bytes, "x" has 16',
      );
    });
  });

  it('gives windows of rows and columns their offset and stride', () => {
    const builder = new ProgramBuilder(FLOOR_FACTS, 'views');
    const x = builder.state('x', 'f32', [6, 10]);
    const window = builder.rows(builder.columns(x, 4, 3), 2, 2);
    expect(window).toMatchObject({ shape: [2, 3], offset: 24, stride: 10 });
    expect(() => builder.rows(x, 5, 2)).toThrow(ShapeError);
    expect(() => builder.columns(x, 8, 3)).toThrow(ShapeError);
  });
});
