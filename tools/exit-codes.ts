import { DeviceError, UsageError } from '../runtime/errors.ts';

/** Exit codes of the command line tool. */
export const EXIT = { ok: 0, failed: 1, usage: 2, noDevice: 3, outOfMemory: 4, cancelled: 130 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The exit code that an error ends the tool with. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof DeviceError) return error.fault === 'out-of-memory' ? EXIT.outOfMemory : EXIT.noDevice;
  if (error instanceof Error && error.name === 'AbortError') return EXIT.cancelled;
  return EXIT.failed;
}
