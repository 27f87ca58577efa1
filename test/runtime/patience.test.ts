import { describe, expect, it } from 'vitest';
import { Patience } from '../../runtime/patience.ts';

describe('Patience', () => {
  it('sleeps through most of what earlier work says is to come, and never when it knows nothing', () => {
    const patience = new Patience();
    patience.submitted(1e9, 0);
    expect(patience.nap(0)).toBe(0);
    patience.done(100); // 1 GFLOP took 100 ms
    patience.submitted(1e9, 200);
    expect(patience.nap(200)).toBeCloseTo(70);
    expect(patience.nap(280)).toBeCloseTo(14);
    expect(patience.nap(299)).toBe(0);
    patience.submitted(9e9, 300);
    expect(patience.nap(300)).toBe(250);
  });

  it('follows work that got faster at once, so that a slow spell does not cost latency later', () => {
    const patience = new Patience();
    patience.submitted(1e9, 0);
    patience.done(1000);
    patience.submitted(1e9, 1000);
    patience.done(1010);
    patience.submitted(1e9, 2000);
    expect(patience.nap(2000)).toBeLessThan(8);
  });
});
