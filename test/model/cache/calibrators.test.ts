import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FoCaCalibrator,
  LastResidual,
  makeCalibrator,
  TaylorSeerCalibrator,
} from '../../../model/cache/calibrators.ts';
import type { Calibrator } from '../../../model/cache/contract.ts';

/** Carries out what a calibrator asks for, on numbers in the place of tensors. */
class Slots {
  readonly #calibrator: Calibrator;
  readonly #values: number[];
  readonly #recorded: ReadonlySet<string>;

  constructor(calibrator: Calibrator) {
    this.#calibrator = calibrator;
    this.#values = new Array(calibrator.slots).fill(Number.NaN);
    this.#recorded = new Set(calibrator.mixes.map((pair) => pair.join()));
  }

  store(step: number, value: number): void {
    for (const slot of this.#calibrator.store(step)) this.#values[slot] = value;
  }

  forecast(step: number): number {
    const { mix, add } = this.#calibrator.forecast(step);
    if (mix) {
      let sum = mix.keep === 0 ? 0 : mix.keep * this.#values[mix.into];
      for (const { slot, weight } of mix.terms) {
        expect(this.#recorded.has(`${mix.into},${slot}`)).toBe(true);
        sum += weight * this.#values[slot];
      }
      this.#values[mix.into] = sum;
    }
    return add.reduce((sum, { slot, weight }) => sum + weight * this.#values[slot], 0);
  }
}

/** TaylorSeer as golden/kinds-cache.md 2.5 writes it, on numbers. */
class PlainTaylor {
  readonly order: number;
  d: number[] = [];
  last = 0;
  constructor(order: number) {
    this.order = order;
  }
  store(step: number, y: number): void {
    const next = [y];
    if (step >= 3)
      for (let i = 0; i < this.order && i < this.d.length; i++) next.push((next[i] - this.d[i]) / (step - this.last));
    this.d = next;
    this.last = step;
  }
  forecast(step: number): number {
    let factorial = 1;
    return this.d.reduce((sum, d, i) => {
      if (i > 0) factorial *= i;
      return sum + (d * (step - this.last) ** i) / factorial;
    }, 0);
  }
}

/** FoCa as golden/kinds-cache.md 2.5 writes it, on numbers. */
class PlainFoCa {
  a?: number;
  a1?: number;
  p = 0;
  p1 = 0;
  last = 0;
  store(step: number, y: number): void {
    [this.a1, this.a] = [this.a, y];
    [this.p1, this.p] = [this.p, y];
    this.last = step;
  }
  forecast(step: number): number {
    if (this.a1 === undefined) return this.a!;
    const k = step - this.last;
    const g = this.a! - this.a1 + (this.p - this.p1);
    const f = k <= 3 ? this.a! + (k / 2) * g : (3 / k) * (this.a! + 1.5 * g) + (1 - 3 / k) * this.a!;
    [this.p1, this.p] = [this.p, f];
    return f;
  }
}

/** Steps of a run: computed with a value, or a hit; the first is computed. */
const runs = fc
  .array(fc.record({ computed: fc.boolean(), value: fc.double({ min: -4, max: 4, noNaN: true }) }), {
    minLength: 2,
    maxLength: 24,
  })
  .map((steps) => steps.map((step, i) => (i === 0 ? { ...step, computed: true } : step)));

function expectSame(
  calibrator: Calibrator,
  plain: { store(step: number, y: number): void; forecast(step: number): number },
  steps: readonly { computed: boolean; value: number }[],
): void {
  const slots = new Slots(calibrator);
  steps.forEach(({ computed, value }, step) => {
    if (computed) {
      slots.store(step, value);
      plain.store(step, value);
      return;
    }
    const [got, wanted] = [slots.forecast(step), plain.forecast(step)];
    expect(Math.abs(got - wanted)).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(wanted)));
  });
}

describe('calibrators', () => {
  it('without one a hit repeats the last residual', () => {
    const slots = new Slots(new LastResidual());
    slots.store(0, 7);
    expect([slots.forecast(1), slots.forecast(5)]).toEqual([7, 7]);
  });

  it.each([0, 1, 2, 3, 5])('TaylorSeer of order %d follows its definition in any pattern of steps', (order) => {
    fc.assert(fc.property(runs, (steps) => expectSame(new TaylorSeerCalibrator(order), new PlainTaylor(order), steps)));
  });

  it('TaylorSeer of order 1 continues a line', () => {
    const slots = new Slots(new TaylorSeerCalibrator(1));
    for (const step of [0, 1, 2, 3, 4]) slots.store(step, 3 * step + 1);
    expect(slots.forecast(7)).toBeCloseTo(22, 12);
  });

  it('FoCa follows its definition in any pattern of steps', () => {
    fc.assert(fc.property(runs, (steps) => expectSame(new FoCaCalibrator(), new PlainFoCa(), steps)));
  });

  it('a Taylor series never keeps more tensors than a run has steps', () => {
    expect(makeCalibrator({ type: 'taylorseer', order: 9 }, 4).slots).toBe(4);
    expect(makeCalibrator({ type: 'taylorseer', order: 1 }, 4).slots).toBe(2);
    expect(makeCalibrator(null, 4).slots).toBe(1);
    expect(makeCalibrator({ type: 'foca' }, 1).slots).toBe(4);
  });
});
