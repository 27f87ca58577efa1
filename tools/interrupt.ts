import { EXIT } from './exit-codes.ts';

/**
 * Runs a task that Ctrl-C or SIGTERM stops: the signal aborts, the task's own clean-up runs, then its AbortError comes out.
 *
 * A second signal ends the process at once with exit code 130, also while it is ending already: whoever asks twice does not
 * want to wait. Files that are being written keep their temporary names then, so that nothing half-written has its name.
 */
export async function withInterrupt<T>(task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.cancelled);
    controller.abort(new DOMException('cancelled by the user', 'AbortError'));
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const name of signals) process.on(name, stop);
  try {
    return await task(controller.signal);
  } finally {
    // After an abort they stay: without them a second signal would kill the process, which then has no exit code.
    if (!controller.signal.aborted) for (const name of signals) process.off(name, stop);
  }
}
