import { planScanFinish, planScanPartials, scanPartialCount } from '../../kernels/scan/scan.ts';
import type { ProgramBuilder } from '../program/builder.ts';
import { viewOf, type Value } from '../program/plan.ts';
import { requireDType, requireShape } from './check.ts';

/** What a scan found. */
export interface ScanResult {
  /** Largest finite magnitude. */
  readonly maxAbs: number;
  /** Number of NaN and infinite elements. */
  readonly nonFinite: number;
}

/**
 * Largest finite magnitude of x and the number of its NaN and infinite elements, as u32 [2]; `readScan` decodes it.
 * x f32 [rows, columns] (windows allowed).
 */
export function scan(builder: ProgramBuilder, args: { x: Value; out?: Value }): Value {
  const op = 'scan';
  const { x } = args;
  requireDType(op, 'x', x, 'f32');
  requireShape(op, 'x', x, [-1, -1]);
  const [rows, columns] = x.shape;
  const partials = scanPartialCount(rows, columns);
  const partial = builder.temp('u32', [partials, 2], 'partial scans');
  const out = args.out ?? builder.temp('u32', [2], op);
  requireDType(op, 'out', out, 'u32');
  requireShape(op, 'out', out, [2]);
  builder.dispatch(planScanPartials(builder.facts, { rows, columns, x: viewOf(x) }), [x, partial]);
  builder.dispatch(planScanFinish(builder.facts, { partials, resultOffset: out.offset }), [partial, out]);
  return out;
}

/** Decodes the two words that `scan` leaves. */
export function readScan(words: Uint32Array): ScanResult {
  const [bits = 0, nonFinite = 0] = words;
  return { maxAbs: new Float32Array(Uint32Array.of(bits).buffer)[0], nonFinite };
}
