const STATE_WORDS = 624;
const SHIFT_WORDS = 397;

/**
 * The 32-bit Mersenne twister of Matsumoto and Nishimura (1998), seeded as PyTorch's CPU generator seeds it.
 *
 * Only the low 32 bits of a 64-bit seed count, because `at::mt19937` takes a 32-bit seed.
 */
export class Mt19937 {
  readonly #state = new Uint32Array(STATE_WORDS);
  #next = STATE_WORDS;

  /** @param seed low 32 bits of the seed, an unsigned integer */
  constructor(seed: number) {
    const state = this.#state;
    let previous = seed >>> 0;
    state[0] = previous;
    for (let j = 1; j < STATE_WORDS; j++) {
      previous = (Math.imul(1812433253, previous ^ (previous >>> 30)) + j) >>> 0;
      state[j] = previous;
    }
  }

  /** The next 32 bits, as an unsigned integer. */
  next32(): number {
    if (this.#next >= STATE_WORDS) this.#twist();
    let y = this.#state[this.#next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < STATE_WORDS; i++) {
      const current = state[i];
      const following = state[(i + 1) % STATE_WORDS];
      const distant = state[(i + SHIFT_WORDS) % STATE_WORDS];
      const y = (current & 0x80000000) | (following & 0x7fffffff);
      state[i] = distant ^ (y >>> 1) ^ ((y & 1) === 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}
