import { UsageError } from '../../runtime/errors.ts';
import type { BenchReport } from './report.ts';

/**
 * Reads what `--json` wrote.
 *
 * @param name of the file, for the message
 * @throws UsageError if the text is no report of this version
 */
export function parseReport(text: string, name: string): BenchReport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`bench: ${name} is no JSON document.`);
  }
  if (!isReport(value))
    throw new UsageError(
      `bench: ${name} is no layerloom-bench report of version 1. Make one with "bench --json FILE".`,
    );
  return value;
}

function isReport(value: unknown): value is BenchReport {
  if (typeof value !== 'object' || value === null) return false;
  const { format, version, kernels, workloads, roofs, machine } = value as Partial<Record<keyof BenchReport, unknown>>;
  return (
    format === 'layerloom-bench' &&
    version === 1 &&
    Array.isArray(kernels) &&
    Array.isArray(workloads) &&
    typeof roofs === 'object' &&
    roofs !== null &&
    typeof machine === 'object' &&
    machine !== null
  );
}
