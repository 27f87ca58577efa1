/** What a run came to; `reasons` says why tests were skipped, with how many each. */
export interface RunCount {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly reasons: ReadonlyMap<string, number>;
}

export function countResults(testModules: readonly object[], unhandledErrors?: readonly unknown[]): RunCount;

export default class CountReporter {
  onTestRunEnd(testModules: readonly object[], unhandledErrors?: readonly unknown[]): void;
}
