/** Naps are worth it above this, and never longer than that: an abort or a lost device must be seen soon. */
const MIN_NAP_MS = 2;
const MAX_NAP_MS = 250;
/** Share of the expected time that is slept: the rest is waited for, so that a good guess costs no latency. */
const NAP_SHARE = 0.7;
/** Shorter waits tell how long a round trip takes, not how fast the device works. */
const MIN_MEASURED_MS = 20;

/**
 * Guesses how long submitted work will take from what earlier work took. Work is counted in operations (`workOf`).
 *
 * Dawn for Node spins in the event loop while a GPU promise is pending. Where the driver computes on the same few cores
 * that spinning is time taken from it (a quarter of all samples on two cores), so most of a wait is better slept.
 */
export class Patience {
  #pendingWork = 0;
  #since = 0;
  /** Milliseconds per operation: for naps the fastest of late, because too long a nap is lost ... */
  #fastest = 0;
  /** ... and for the size of submits the slowest of late, because the bound on a submit should hold. */
  #slowest = 0;

  /** Notes submitted work. */
  submitted(work: number, now: number): void {
    if (this.#pendingWork === 0) this.#since = now;
    this.#pendingWork += work;
  }

  /** Milliseconds to sleep before waiting for what is pending; 0 for none. */
  nap(now: number): number {
    const expected = this.#pendingWork * this.#fastest - (now - this.#since);
    const nap = Math.min(MAX_NAP_MS, NAP_SHARE * expected);
    return nap >= MIN_NAP_MS ? nap : 0;
  }

  /** All pending work is done. */
  done(now: number): void {
    if (this.#pendingWork > 0) {
      const ms = now - this.#since;
      const rate = ms / this.#pendingWork;
      this.#fastest = this.#fastest === 0 ? rate : Math.min(rate, 0.7 * this.#fastest + 0.3 * rate);
      if (ms >= MIN_MEASURED_MS) this.#slowest = Math.max(rate, 0.7 * this.#slowest + 0.3 * rate);
    }
    this.#pendingWork = 0;
  }

  /** Work that the device does in `ms`, as far as is known. */
  workWithin(ms: number): number | undefined {
    return this.#slowest > 0 ? ms / this.#slowest : undefined;
  }
}
