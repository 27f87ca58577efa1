import type { Calibrator, Forecast, SlotTerm } from './contract.ts';

/** How hits forecast the middle residual; null where they repeat the last computed one. */
export type CalibratorConfig = { readonly type: 'taylorseer'; readonly order: number } | { readonly type: 'foca' };

/**
 * The calibrator of a configuration, fresh.
 *
 * @param numSteps bounds what a Taylor series can make use of, and so its memory
 */
export function makeCalibrator(config: CalibratorConfig | null, numSteps: number): Calibrator {
  if (config === null) return new LastResidual();
  if (config.type === 'foca') return new FoCaCalibrator();
  return new TaylorSeerCalibrator(Math.min(config.order, Math.max(0, numSteps - 1)));
}

/** Repeats the residual of the last computed step. */
export class LastResidual implements Calibrator {
  readonly slots = 1;
  readonly mixes = [];

  store(): readonly number[] {
    return [0];
  }

  forecast(): Forecast {
    return { add: [{ slot: 0, weight: 1 }] };
  }
}

/** Step before which no derivative is formed (cache-dit's TaylorSeer). */
const FIRST_DERIVATIVE_STEP = 3;

/**
 * TaylorSeer of order m (golden/kinds-cache.md 2.5): sum of D_i k^i / i!, D_i divided differences over computed steps.
 *
 * Every D_i is a linear combination of the last m + 1 residuals, so only those lie on the device and the derivatives are
 * kept as their coefficients: a computed step writes one tensor, whatever the order.
 */
export class TaylorSeerCalibrator implements Calibrator {
  readonly slots: number;
  readonly mixes = [];
  readonly #order: number;
  /** Coefficients of D_0, D_1, ... by slot. */
  #derivatives: readonly Float64Array[] = [];
  #last = 0;
  #next = 0;

  constructor(order: number) {
    this.#order = order;
    this.slots = order + 1;
  }

  store(step: number): readonly number[] {
    const slot = this.#next;
    this.#next = (slot + 1) % this.slots;
    const newest = new Float64Array(this.slots);
    newest[slot] = 1;
    const derivatives = [newest];
    if (step >= FIRST_DERIVATIVE_STEP) {
      const gap = step - this.#last;
      for (let i = 0; i < this.#order && i < this.#derivatives.length; i++) {
        const before = this.#derivatives[i];
        derivatives.push(derivatives[i].map((value, s) => (value - before[s]) / gap));
      }
    }
    this.#derivatives = derivatives;
    this.#last = step;
    return [slot];
  }

  forecast(step: number): Forecast {
    const k = step - this.#last;
    const weights = new Float64Array(this.slots);
    let factor = 1;
    this.#derivatives.forEach((coefficients, i) => {
      if (i > 0) factor *= k / i;
      coefficients.forEach((value, slot) => {
        weights[slot] += factor * value;
      });
    });
    const add: SlotTerm[] = [];
    weights.forEach((weight, slot) => {
      if (weight !== 0) add.push({ slot, weight });
    });
    return { add };
  }
}

/** Steps after a computed one up to which FoCa's slope is followed in full. */
const FOCA_HORIZON = 3;

/**
 * FoCa (golden/kinds-cache.md 2.5): four tensors, the last two computed residuals (A, A') and the last two residuals
 * used, computed or forecast (P, P'). f = A + h ((A - A') + (P - P')), h = k/2 up to 3 steps on, 4.5/k beyond.
 */
export class FoCaCalibrator implements Calibrator {
  readonly slots = 4;
  /** Anchors are slots 0 and 1, used residuals 2 and 3; the older of these is overwritten by the next forecast. */
  readonly mixes = [
    [2, 0],
    [2, 1],
    [2, 3],
    [3, 0],
    [3, 1],
    [3, 2],
  ] as const;
  #anchor = 1;
  #recent = 3;
  #computed = 0;
  #last = 0;

  store(step: number): readonly number[] {
    this.#anchor = 1 - this.#anchor;
    this.#recent = 5 - this.#recent;
    this.#computed++;
    this.#last = step;
    return [this.#anchor, this.#recent];
  }

  forecast(step: number): Forecast {
    const anchor = this.#anchor;
    if (this.#computed < 2) return { add: [{ slot: anchor, weight: 1 }] };
    const k = step - this.#last;
    const h = k <= FOCA_HORIZON ? k / 2 : (1.5 * FOCA_HORIZON) / k;
    const recent = this.#recent;
    const into = 5 - recent;
    this.#recent = into;
    const terms = [
      { slot: anchor, weight: 1 + h },
      { slot: 1 - anchor, weight: -h },
      { slot: recent, weight: h },
    ];
    return { mix: { into, keep: -h, terms }, add: [{ slot: into, weight: 1 }] };
  }
}
