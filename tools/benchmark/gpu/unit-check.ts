import { f32ToF16 } from '../../../runtime/safetensors/convert.ts';
import type { DType } from '../../../kernels/dtype.ts';
import type { MatrixConfig } from '../../../kernels/facts.ts';
import { planUnitProbe } from '../../../kernels/probe/probe-unit.ts';
import { seededRandom } from '../../../kernels/case-random.ts';
import { KernelRun } from '../kernel-run.ts';
import { figure, tableLines } from '../print-report.ts';
import type { StepContext, StepResult } from './step.ts';

/** A configuration that the device lists, tried out. */
interface UnitRow extends MatrixConfig {
  readonly compileMs: number | null;
  readonly fault: string | null;
}

/** One product of every configuration that the device lists, of small whole numbers: all results are exact. */
export async function checkUnits(context: StepContext): Promise<StepResult> {
  const rows: UnitRow[] = [];
  for (const config of context.engine.facts.matrixConfigs) {
    rows.push({ ...config, ...(await tryConfig(context, config)) });
    context.keep(rows);
  }
  const wrong = rows.filter(({ fault }) => fault !== null).length;
  const cells = rows.map(({ component, result, m, n, k, compileMs, fault }) => [
    `${component}->${result}`,
    `${m}x${n}x${k}`,
    fault ?? (context.isNull ? 'compiles' : 'right'),
    compileMs === null ? '' : figure(compileMs),
  ]);
  return {
    fault: wrong > 0 ? `${wrong} of ${rows.length} matrix configurations are wrong or do not compile` : null,
    lines:
      rows.length === 0
        ? ['no matrix configurations: everything else runs without a matrix unit']
        : tableLines(['types', 'm x n x k', '', 'compile ms'], cells, 3),
    data: rows,
  };
}

async function tryConfig(
  { engine, isNull }: StepContext,
  config: MatrixConfig,
): Promise<Pick<UnitRow, 'compileMs' | 'fault'>> {
  const { component, result, m, n, k } = config;
  const random = seededRandom(m * n + k);
  // Up to 7 in size: 64 products of them stay below 2048, the last whole number that f16 counts by ones.
  const least = component.startsWith('u') ? 0 : -7;
  const whole = (count: number): number[] => Array.from({ length: count }, () => least + random.integer(8 - least));
  const [a, b] = [whole(m * k), whole(k * n)];
  const expected = Float64Array.from({ length: m * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n];
    let sum = 0;
    for (let j = 0; j < k; j++) sum += a[row * k + j] * b[j * n + column];
    return sum;
  });
  try {
    const run = await KernelRun.compile(engine, planUnitProbe(engine.facts, config));
    try {
      const indices = Uint32Array.from(expected.keys());
      const { fault } = await run.check(
        engine,
        {
          inputs: { a: encode(a, component), b: encode(b, component) },
          expected: { out: { dtype: result as DType, length: m * n, indices, values: expected } },
        },
        { atol: 0, rtol: 0, nmse: 0 },
      );
      return { compileMs: run.pipelineMs, fault: isNull ? null : fault };
    } finally {
      run.dispose();
    }
  } catch (error) {
    engine.assertUsable();
    return { compileMs: null, fault: error instanceof Error ? error.message : String(error) };
  }
}

function encode(values: readonly number[], component: MatrixConfig['component']): ArrayBufferView {
  switch (component) {
    case 'f32':
      return Float32Array.from(values);
    case 'f16':
      return f32ToF16(Float32Array.from(values));
    case 'u32':
      return Uint32Array.from(values);
    case 'i32':
      return Int32Array.from(values);
    case 'u8':
      return Uint8Array.from(values);
    case 'i8':
      return Int8Array.from(values);
  }
}
