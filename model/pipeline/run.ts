/** How a run hears of cancellation and tells of progress. */
export interface RunContext<Event> {
  readonly signal: AbortSignal;
  emit(event: Event): void;
}

/** Events a slow reader may have outstanding; beyond that the oldest ones are dropped, never the run's speed. */
const MAX_PENDING_EVENTS = 1024;

/**
 * A running job: a promise of its result, and an async iterator of its events. Reading events is optional; leaving
 * the loop early (`break`) cancels the run, as does the caller's signal.
 *
 * ```ts
 * for await (const event of run) if (event.type === 'step') show(event);
 * const result = await run;
 * ```
 */
export class Run<Result, Event> implements PromiseLike<Result>, AsyncIterable<Event> {
  /** Rejects once, with the signal's reason when cancelled. */
  readonly result: Promise<Result>;
  readonly #abort = new AbortController();
  readonly #pending: Event[] = [];
  #wake: (() => void) | undefined;
  #settled = false;

  /**
   * Starts `work` at once.
   *
   * @param signal the caller's; its listener is removed when the run ends
   */
  constructor(work: (context: RunContext<Event>) => Promise<Result>, signal?: AbortSignal) {
    const forward = (): void => this.#abort.abort(signal?.reason);
    if (signal?.aborted) forward();
    else signal?.addEventListener('abort', forward, { once: true });
    const context: RunContext<Event> = {
      signal: this.#abort.signal,
      emit: (event) => {
        if (this.#pending.length >= MAX_PENDING_EVENTS) this.#pending.shift();
        this.#pending.push(event);
        this.#wake?.();
      },
    };
    this.result = (async () => {
      try {
        this.#abort.signal.throwIfAborted();
        return await work(context);
      } finally {
        signal?.removeEventListener('abort', forward);
        this.#settled = true;
        this.#wake?.();
      }
    })();
    this.result.catch(() => {}); // whoever awaits the run sees the error; a run nobody awaits must not end the process
  }

  /** Stops within one step; the result rejects with `reason`. */
  cancel(reason: unknown = new DOMException('The run was cancelled.', 'AbortError')): void {
    this.#abort.abort(reason);
  }

  // A run IS a promise of its result, by design: `await run` is how it is used most.
  // oxlint-disable-next-line unicorn/no-thenable
  then<A = Result, B = never>(
    onFulfilled?: ((result: Result) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.result.then(onFulfilled, onRejected);
  }

  /** Events in order, until the run ends. A failed run ends the loop with its error. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Event, void, void> {
    try {
      for (;;) {
        const event = this.#pending.shift();
        if (event !== undefined) yield event;
        else if (this.#settled) break;
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
      await this.result;
    } finally {
      if (!this.#settled) this.cancel();
    }
  }
}
