import { ConfigError, UsageError } from '../../runtime/errors.ts';

/** Noise levels for step counts that a student's manifest does not list. */
export interface SigmaFallback {
  readonly timeShift: 'exponential' | 'linear' | 'none';
  readonly baseShift: number;
  readonly maxShift: number;
  readonly baseTokens: number;
  readonly maxTokens: number;
  /** Last noise level before 0; null for no stretch. */
  readonly terminal: number | null;
}

/** The part of a manifest's `sampling` that fixes noise levels. */
export interface SigmaRule {
  /** Explicit lists by step count, e.g. `{"8": [1, ..., 0]}` with 9 numbers, the last 0. */
  readonly sigmas: Readonly<Record<string, readonly number[]>>;
  readonly fallback: SigmaFallback;
}

/**
 * The noise levels of a regional (MRT) run: the manifest's list for this step count, else Qwen-Image's formula in f64 with
 * n = tokens of the window, never of the whole sequence (`golden/kinds-mrt.md` section 7).
 *
 * @param numSteps N >= 1
 * @param windowTokens tokens of the visible window, gw * gh
 * @returns [N + 1] noise levels, the last 0
 * @throws UsageError for a bad step count
 * @throws ConfigError rule `sigmas` if the manifest's list is not N + 1 falling numbers in 0..1 that end in 0
 */
export function studentSigmas(rule: SigmaRule, numSteps: number, windowTokens: number): Float64Array {
  if (!Number.isInteger(numSteps) || numSteps < 1) {
    throw new UsageError(`sigmas: the number of steps must be an integer >= 1, got ${numSteps}.`);
  }
  const listed = listFor(rule, numSteps);
  if (listed) {
    checkListed(listed, numSteps);
    return Float64Array.from(listed);
  }
  const { timeShift, baseShift, maxShift, baseTokens, maxTokens, terminal } = rule.fallback;
  const mu = baseShift + (windowTokens - baseTokens) * ((maxShift - baseShift) / (maxTokens - baseTokens));
  const factor = timeShift === 'exponential' ? Math.exp(mu) : mu;
  let levels = Array.from({ length: numSteps }, (_, i) =>
    numSteps === 1 ? 1 : 1 - (i * (1 - 1 / numSteps)) / (numSteps - 1),
  );
  if (timeShift !== 'none') levels = levels.map((s) => factor / (factor + (1 / s - 1)));
  if (terminal !== null && numSteps > 1) {
    const stretch = (1 - levels[numSteps - 1]) / (1 - terminal);
    levels = levels.map((s) => 1 - (1 - s) / stretch);
  }
  return Float64Array.from([...levels, 0]);
}

/** Whether a run of so many steps has a list of its own; else its noise levels come from the formula. */
export function hasSigmaList(rule: SigmaRule, numSteps: number): boolean {
  return listFor(rule, numSteps) !== undefined;
}

function listFor({ sigmas }: SigmaRule, numSteps: number): readonly number[] | undefined {
  const key = String(numSteps);
  const listed = Object.hasOwn(sigmas, key) ? sigmas[key] : undefined;
  return listed !== undefined && listed.length > 0 ? listed : undefined;
}

function checkListed(listed: readonly number[], numSteps: number): void {
  const falling = listed.every((s, i) => s >= 0 && s <= 1 && (i === 0 || s < listed[i - 1]));
  if (listed.length !== numSteps + 1 || listed[numSteps] !== 0 || !falling) {
    throw new ConfigError(
      `mrt.json: sampling.sigmas["${numSteps}"] must be ${numSteps + 1} falling numbers in 0..1 that end in 0, got [${listed.join(', ')}].`,
      { rule: 'sigmas' },
    );
  }
}
