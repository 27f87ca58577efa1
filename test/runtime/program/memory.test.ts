import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { ShapeError } from '../../../runtime/errors.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { barriersOf } from '../../../runtime/program/hazards.ts';
import { planMemory } from '../../../runtime/program/memory.ts';
import type { ProgramPlan } from '../../../runtime/program/plan.ts';
import { seededRandom } from '../../support/random.ts';
import { readPlan, scalePlan } from '../../support/toy-plan.ts';

/** Two segments of dispatches that read an earlier value and write a new one, sizes and distances at random. */
function randomProgram(random: ReturnType<typeof seededRandom>): ProgramPlan {
  const builder = new ProgramBuilder(FLOOR_FACTS, 'random');
  const state = builder.state('x', 'f32', [512]);
  for (const name of ['a', 'b'])
    builder.segment(name, () => {
      const values = [state];
      for (let i = 0; i < 30; i++) {
        const from = values[random.integer(values.length)];
        const to = random.integer(4) === 0 ? state : builder.temp('f32', [1 + random.integer(512)]);
        if (to === from) continue;
        builder.dispatch(scalePlan(Math.min(from.shape[0], to.shape[0]), 1), [from, to]);
        if (to !== state) values.push(to);
      }
    });
  return builder.finish();
}

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
    expect(memory.arenas).toEqual([400, 400]);
    expect(memory.peakLiveBytes).toBe(800);
    expect(memory.stateBytes).toBe(800);
  });

  it('puts values side by side in one arena where no kernel has to wait for it, and else apart', () => {
    const builder = new ProgramBuilder(FLOOR_FACTS, 'small');
    const x = builder.state('x', 'f32', [1000]);
    const y = builder.state('y', 'f32', [1000]);
    builder.segment('all', () => {
      const wide = builder.temp('f32', [1000], 'wide'); // 4000 bytes
      const left = builder.temp('f32', [300], 'left'); // 1200 bytes, rounded up to 1280 beside another
      const right = builder.temp('f32', [500], 'right'); // 2000 bytes
      builder.dispatch(scalePlan(1000, 2), [x, wide]);
      builder.dispatch(scalePlan(1000, 2), [wide, y]);
      builder.dispatch(scalePlan(300, 2), [x, left]);
      builder.dispatch(scalePlan(500, 2), [x, right]);
      builder.dispatch(scalePlan(300, 2), [left, y]);
      builder.dispatch(scalePlan(500, 2), [right, y]);
    });
    const memory = planMemory(builder.finish());
    expect([...memory.placeOf.values()]).toEqual([
      { arena: 0, byteOffset: 0 },
      { arena: 0, byteOffset: 2048 },
      { arena: 0, byteOffset: 0 },
    ]);
    expect(memory).toMatchObject({ arenas: [4000], arenaBytes: 4000, peakLiveBytes: 4000, stateBytes: 8000 });
  });

  it('keeps a value that is read while its neighbour is written in an arena of its own', () => {
    const builder = new ProgramBuilder(FLOOR_FACTS, 'hazard');
    const x = builder.state('x', 'f32', [1000]);
    const y = builder.state('y', 'f32', [1000]);
    builder.segment('all', () => {
      const wide = builder.temp('f32', [1000], 'wide');
      const from = builder.temp('f32', [300], 'from');
      const to = builder.temp('f32', [300], 'to');
      builder.dispatch(scalePlan(1000, 2), [x, wide]);
      builder.dispatch(scalePlan(1000, 2), [wide, y]);
      builder.dispatch(scalePlan(300, 2), [x, from]);
      builder.dispatch(scalePlan(300, 2), [from, to]); // WebGPU refuses one buffer for both
      builder.dispatch(scalePlan(300, 2), [to, y]);
    });
    const memory = planMemory(builder.finish());
    expect(memory.arenas).toEqual([4000, 1200]);
    expect([...memory.placeOf.values()].map(({ arena }) => arena)).toEqual([0, 0, 1]);
  });

  it('places segments of one form alike, and lets segments share the arenas', () => {
    const builder = new ProgramBuilder(FLOOR_FACTS, 'blocks');
    const x = builder.state('x', 'f32', [100]);
    for (const name of ['a', 'b', 'c'])
      builder.segment(name, () => {
        const hidden = builder.temp('f32', [100]);
        const more = builder.temp('f32', [name === 'c' ? 50 : 80]);
        builder.dispatch(scalePlan(100, 2), [x, hidden]);
        builder.dispatch(scalePlan(50, 2), [hidden, more]);
        builder.dispatch(scalePlan(50, 2), [more, x]);
      });
    const memory = planMemory(builder.finish());
    expect(memory.arenas).toEqual([400, 320]);
    const places = [...memory.placeOf.values()];
    expect(places.slice(0, 2)).toEqual(places.slice(2, 4));
  });

  it('starts no arena that the device cannot make', () => {
    const limits = { ...FLOOR_FACTS.limits, maxBufferSize: 4096 };
    const builder = new ProgramBuilder({ ...FLOOR_FACTS, limits }, 'limit');
    const x = builder.state('x', 'f32', [1000]);
    const y = builder.state('y', 'f32', [1000]);
    builder.segment('all', () => {
      const temps = [1000, 900, 800].map((size) => builder.temp('f32', [size]));
      for (const temp of temps) builder.dispatch(scalePlan(temp.shape[0], 2), [x, temp]);
      for (const temp of temps) builder.dispatch(scalePlan(temp.shape[0], 2), [temp, y]);
    });
    expect(planMemory(builder.finish()).arenas).toEqual([4000, 3600, 3200]);
  });

  it('on random programs: nothing alive is overwritten, nothing illegal is bound, and nobody waits for memory', () => {
    const random = seededRandom(5);
    let shared = 0;
    for (let round = 0; round < 30; round++) {
      const plan = randomProgram(random);
      const { placeOf, arenas, peakLiveBytes, arenaBytes } = planMemory(plan);
      expect(arenaBytes).toBeGreaterThanOrEqual(peakLiveBytes);
      const spans = new Map<number, [number, number]>();
      plan.dispatches.forEach((dispatch, index) => {
        for (const id of dispatch.operands) spans.set(id, [spans.get(id)?.[0] ?? index, index]);
      });
      const places = [...placeOf];
      places.forEach(([a, at], i) => {
        const endA = at.byteOffset + plan.storages[a].byteLength;
        expect(at.byteOffset % 256).toBe(0);
        expect(endA).toBeLessThanOrEqual(arenas[at.arena]);
        for (const [b, other] of places.slice(i + 1)) {
          if (other.arena !== at.arena) continue;
          const [startA, lastA] = spans.get(a)!;
          const [startB, lastB] = spans.get(b)!;
          if (lastA < startB || lastB < startA) continue;
          shared++;
          const endB = other.byteOffset + plan.storages[b].byteLength;
          expect(endA <= other.byteOffset || endB <= at.byteOffset).toBe(true);
        }
      });
      for (const { operands, plan: kernel } of plan.dispatches) {
        const access = new Map<number, string>();
        operands.forEach((id, binding) => {
          const place = placeOf.get(id);
          if (!place) return;
          expect(access.get(place.arena) ?? kernel.bindings[binding].access).toBe(kernel.bindings[binding].access);
          access.set(place.arena, kernel.bindings[binding].access);
        });
      }
      const inArenas = barriersOf(plan, (id) => (placeOf.has(id) ? `arena ${placeOf.get(id)?.arena}` : id));
      expect([...inArenas]).toEqual([...barriersOf(plan)]);
    }
    expect(shared).toBeGreaterThan(50); // the programs are of a kind where values do lie side by side
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

describe('barriersOf', () => {
  it('counts as Dawn does: the first read of what was written, and writes, but not what nobody writes', () => {
    const builder = new ProgramBuilder(FLOOR_FACTS, 'barriers');
    const table = builder.constant(new Float32Array(4), 'f32', [4], 'table');
    const [a, b, c] = ['a', 'b', 'c'].map((name) => builder.state(name, 'f32', [4]));
    builder.segment('all', () => {
      builder.dispatch(scalePlan(4, 1), [table, a]); // the replay before has read a
      builder.dispatch(scalePlan(4, 1), [a, b]);
      builder.dispatch(readPlan(4), [a]); // waited for above
      builder.dispatch(readPlan(4), [c]); // its last writer is the last dispatch of the replay before
      builder.dispatch(readPlan(4), [table]);
      builder.dispatch(scalePlan(4, 1), [table, c]);
    });
    expect([...barriersOf(builder.finish())]).toEqual([0, 1, 3, 5]);
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
