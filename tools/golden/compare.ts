import { isGoldenTensor } from './contract.ts';
import type { GoldenPrecision, GoldenTensor } from './contract.ts';

/** One bound of one output and what was measured against it. */
export interface BoundResult {
  readonly output: string;
  /** Name of the bound (`nmse`, `exact`, ...), or `shape`, `finite`, `missing`, `check` for what comes before bounds. */
  readonly check: string;
  /** The measured number, or words where there is none. */
  readonly value: number | string;
  readonly bound: number | string;
  readonly ok: boolean;
  /** How much of the bound was used: at most 1 where the bound holds; orders results by badness. */
  readonly ratio: number;
}

type Numbers = GoldenTensor['data'];

/** The bounds of `golden/README.md` and `kinds-cache.md`. `nmseF16` is an alternative of `nmse`, not a bound of its own. */
const CHECKS = ['exact', 'nmse', 'nmseF16', 'maxAbs', 'maxAbsShare', 'psnr', 'relMax'] as const;

/**
 * Compares one output with its expected value: every bound named in `check` must hold.
 *
 * Shapes must be equal. NaN and infinities must stand at the same places with the same sign before any error is measured.
 * With f16 arithmetic `nmseF16` replaces `nmse`; outputs without such a bound are then measured and shown, not held to
 * bounds of f32 arithmetic (`exact` holds always).
 *
 * @param actual a GoldenTensor or JSON; undefined where the handler gave none
 * @param expected a GoldenTensor or JSON
 */
export function compareOutput(
  output: string,
  actual: unknown,
  expected: unknown,
  check: Readonly<Record<string, unknown>>,
  precision: GoldenPrecision,
): BoundResult[] {
  if (actual === undefined) return [refused(output, 'missing', 'missing', 'output')];
  const names = Object.keys(check);
  const unknownName = names.find((name) => !CHECKS.some((known) => known === name));
  if (unknownName !== undefined || names.length === 0) {
    return [refused(output, 'check', unknownName ?? 'none', 'a known check')];
  }
  if (!isGoldenTensor(expected)) {
    const equal = equalJson(plainJson(actual), expected);
    return [{ output, check: 'exact', value: equal ? 0 : 1, bound: 0, ok: equal, ratio: equal ? 0 : Infinity }];
  }
  if (!isGoldenTensor(actual)) return [refused(output, 'tensor', typeof actual, 'a tensor')];
  const shape = `[${actual.shape.join(',')}]`;
  const wanted = `[${expected.shape.join(',')}]`;
  if (shape !== wanted || actual.data.length !== expected.data.length) {
    return [refused(output, 'shape', shape, wanted)];
  }
  const pair = { actual: actual.data, expected: expected.data };
  if (check['exact'] === undefined) {
    const misplaced = countMisplaced(pair.actual, pair.expected);
    if (misplaced > 0) return [refused(output, 'finite', misplaced, 0)];
  }
  const isHalf = precision === 'f16';
  const results: BoundResult[] = [];
  for (const name of names) {
    // Two forms of one bound: which holds depends on the arithmetic.
    if (name === 'nmse' && isHalf && check['nmseF16'] !== undefined) continue;
    if (name === 'nmseF16' && !isHalf && check['nmse'] !== undefined) continue;
    const result = measure(output, name, check[name], pair);
    // A result in words is a broken bound, not a measurement.
    const isHeld = !isHalf || name === 'nmseF16' || name === 'exact' || typeof result.value === 'string';
    results.push(isHeld ? result : { ...result, ok: true, ratio: 0 });
  }
  return results;
}

/** The result to show for a case: the one that used most of its bound. */
export function worstResult(results: readonly BoundResult[]): BoundResult | undefined {
  let worst: BoundResult | undefined;
  for (const result of results) {
    const isWorse =
      worst === undefined || (worst.ok && !result.ok) || (worst.ok === result.ok && result.ratio > worst.ratio);
    if (isWorse) worst = result;
  }
  return worst;
}

interface Pair {
  readonly actual: Numbers;
  readonly expected: Numbers;
}

function measure(output: string, check: string, bound: unknown, { actual, expected }: Pair): BoundResult {
  const below = (value: number): BoundResult => {
    if (typeof bound !== 'number') return refused(output, check, 'no number', 'a number as bound');
    const ratio = value === 0 ? 0 : value / bound;
    return { output, check, value, bound, ok: value <= bound, ratio: value <= bound ? ratio : Math.max(ratio, 1) };
  };
  switch (check) {
    case 'exact': {
      if (bound !== true) return refused(output, check, JSON.stringify(bound) ?? 'none', 'true');
      const value = countDifferent(actual, expected);
      return { output, check, value, bound: 0, ok: value === 0, ratio: value === 0 ? 0 : Infinity };
    }
    case 'nmse':
    case 'nmseF16':
      return below(nmse(actual, expected));
    case 'maxAbs':
      return below(maxAbs(actual, expected));
    case 'relMax':
      return below(relMax(actual, expected));
    case 'maxAbsShare': {
      const [limit, share] = Array.isArray(bound) ? (bound as unknown[]) : [];
      if (typeof limit !== 'number' || typeof share !== 'number')
        return refused(output, check, 'no pair', '[x, share]');
      const value = shareWithin(actual, expected, limit);
      const ok = value >= share;
      return {
        output,
        check,
        value,
        bound: share,
        ok,
        ratio: ok ? (1 - value) / Math.max(1 - share, 1e-12) : Infinity,
      };
    }
    case 'psnr': {
      if (typeof bound !== 'number') return refused(output, check, 'no number', 'a number as bound');
      const value = psnr(actual, expected);
      return { output, check, value, bound, ok: value >= bound, ratio: value >= bound ? bound / value : Infinity };
    }
    default:
      return refused(output, 'check', check, 'a known check');
  }
}

function refused(output: string, check: string, value: number | string, bound: number | string): BoundResult {
  return { output, check, value, bound, ok: false, ratio: Infinity };
}

/** Elements that are not the same number; 0 and -0 differ, any NaN equals any NaN. */
function countDifferent(actual: Numbers, expected: Numbers): number {
  let different = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i];
    const e = expected[i];
    const same = typeof a === typeof e ? Object.is(a, e) : Number.isInteger(Number(a)) && BigInt(a) === BigInt(e);
    if (!same) different++;
  }
  return different;
}

/** Elements where one side is NaN or infinite and the other is not the same. */
function countMisplaced(actual: Numbers, expected: Numbers): number {
  let misplaced = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = Number(actual[i]);
    const e = Number(expected[i]);
    if ((!Number.isFinite(a) || !Number.isFinite(e)) && !Object.is(a, e)) misplaced++;
  }
  return misplaced;
}

/** sum (a - e)^2 / sum e^2 over the finite elements, in f64. Where all e are 0: 0 if all a are, else Infinity. */
function nmse(actual: Numbers, expected: Numbers): number {
  let error = 0;
  let energy = 0;
  for (let i = 0; i < expected.length; i++) {
    const e = Number(expected[i]);
    if (!Number.isFinite(e)) continue;
    const difference = Number(actual[i]) - e;
    error += difference * difference;
    energy += e * e;
  }
  if (energy === 0) return error === 0 ? 0 : Infinity;
  return error / energy;
}

function maxAbs(actual: Numbers, expected: Numbers): number {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const e = Number(expected[i]);
    if (Number.isFinite(e)) largest = Math.max(largest, Math.abs(Number(actual[i]) - e));
  }
  return largest;
}

/** max |a - e| / max(|e|, 1e-12) over the elements where e is a number. */
function relMax(actual: Numbers, expected: Numbers): number {
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const e = Number(expected[i]);
    if (!Number.isFinite(e)) continue;
    largest = Math.max(largest, Math.abs(Number(actual[i]) - e) / Math.max(Math.abs(e), 1e-12));
  }
  return largest;
}

/** Share of the elements within `limit` of the expected value; 1 for no elements. */
function shareWithin(actual: Numbers, expected: Numbers, limit: number): number {
  if (expected.length === 0) return 1;
  let within = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = Number(actual[i]);
    const e = Number(expected[i]);
    if (Object.is(a, e) || Math.abs(a - e) <= limit) within++;
  }
  return within / expected.length;
}

/** Peak signal to noise in dB. The peak is 1, 255 for 8-bit pictures; values in [-1, 1] are mapped to [0, 1] first. */
function psnr(actual: Numbers, expected: Numbers): number {
  let sum = 0;
  let isSigned = false;
  for (let i = 0; i < expected.length; i++) {
    const e = Number(expected[i]);
    isSigned ||= e < 0;
    sum += (Number(actual[i]) - e) ** 2;
  }
  const peak = expected instanceof Uint8Array ? 255 : isSigned ? 2 : 1;
  return sum === 0 ? Infinity : 10 * Math.log10((peak * peak * expected.length) / sum);
}

/** Tensors and typed arrays as JSON has them, for outputs whose expected value is JSON. */
function plainJson(value: unknown): unknown {
  if (isGoldenTensor(value)) return Array.from(value.data, Number);
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return Array.from(value as Int32Array, Number);
  return value;
}

/** Deep equality of JSON values: order of keys does not count, 0 and -0 are one number; undefined members are absent. */
function equalJson(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => equalJson(item, b[i]));
  }
  const left = new Map<string, unknown>(Object.entries(a).filter(([, value]) => value !== undefined));
  const right = Object.entries(b).filter(([, value]) => value !== undefined);
  return left.size === right.length && right.every(([key, value]) => left.has(key) && equalJson(left.get(key), value));
}
