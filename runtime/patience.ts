/** Naps are worth it above this, and never longer than that: an abort or a lost device must be seen soon. */
const MIN_NAP_MS = 2;
const MAX_NAP_MS = 250;
/** Share of the expected time that is slept: the rest is waited for, so that a good guess costs no latency. */
const NAP_SHARE = 0.7;

/**
 * Guesses how long submitted work will take on a software driver, from what earlier work took.
 *
 * Dawn for Node spins in the event loop while a GPU promise is pending. Where the driver computes on the same few cores
 * that spinning is time taken from it (a quarter of all samples on two cores), so most of a wait is better slept.
 */
export class Patience {
  #pendingFlops = 0;
  #since = 0;
  #msPerFlop = 0;

  /** Notes submitted work. */
  submitted(flops: number, now: number): void {
    if (this.#pendingFlops === 0) this.#since = now;
    this.#pendingFlops += flops;
  }

  /** Milliseconds to sleep before waiting for what is pending; 0 for none. */
  nap(now: number): number {
    const expected = this.#pendingFlops * this.#msPerFlop - (now - this.#since);
    const nap = Math.min(MAX_NAP_MS, NAP_SHARE * expected);
    return nap >= MIN_NAP_MS ? nap : 0;
  }

  /** All pending work is done. */
  done(now: number): void {
    if (this.#pendingFlops > 0) {
      const rate = (now - this.#since) / this.#pendingFlops;
      this.#msPerFlop = this.#msPerFlop === 0 ? rate : Math.min(rate, 0.7 * this.#msPerFlop + 0.3 * rate);
    }
    this.#pendingFlops = 0;
  }
}
