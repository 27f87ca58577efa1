import { decodeWords, describeMismatch } from '../../kernels/case-check.ts';
import { seededRandom, seedOf } from '../../kernels/case-random.ts';
import type { KernelCase, Tolerance } from '../../kernels/cases.ts';
import type { DType } from '../../kernels/dtype.ts';
import type { KernelPlan } from '../../kernels/plan.ts';
import type { Engine } from '../../runtime/engine.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import { compileProgram, type Program } from '../../runtime/program/program.ts';
import { errorOf, type ResultError } from './statistics.ts';

/** Some elements of an output, for shapes whose whole f64 reference would take minutes. */
export interface ExpectedSample {
  readonly dtype: DType;
  /** Elements of the output, in all. */
  readonly length: number;
  readonly indices: Uint32Array;
  /** f64 values at these indices. */
  readonly values: Float64Array;
  /** In place of the case's. */
  readonly tolerance?: Tolerance;
}

/** A case as the bench runs it: one that is too large for its whole reference gives a sample of it. */
export interface BenchCase extends KernelCase {
  readonly sample?: (
    inputs: Readonly<Record<string, ArrayBufferView>>,
    variant: string,
  ) => Readonly<Record<string, ExpectedSample>>;
}

/** Inputs and reference of a case, made once for all its variants that have the same inputs. */
export interface CaseData {
  readonly inputs: Readonly<Record<string, ArrayBufferView>>;
  readonly expected: Readonly<Record<string, ExpectedSample>>;
}

/** Makes a case's data with the seed of its name, the same as the tests use. */
export function makeCaseData(engine: Engine, op: string, testCase: BenchCase, variant: string): CaseData {
  const inputs = testCase.inputs(seededRandom(seedOf(`${op}/${testCase.name}`)), engine.facts, variant);
  if (testCase.sample) return { inputs, expected: testCase.sample(inputs, variant) };
  const whole = testCase.expected(inputs, variant);
  const expected = Object.entries(whole).map(([name, { dtype, values, tolerance: own }]): [string, ExpectedSample] => [
    name,
    {
      dtype,
      length: values.length,
      indices: Uint32Array.from(values.keys()),
      values,
      ...(own ? { tolerance: own } : {}),
    },
  ]);
  return { inputs, expected: Object.fromEntries(expected) };
}

/** Elements of an output: one of hundreds of megabytes is not decoded as a whole for a few. */
function sampleWords(words: Uint32Array, dtype: DType, length: number, indices: Uint32Array): Float64Array {
  const all =
    dtype === 'f32'
      ? new Float32Array(words.buffer as ArrayBuffer, words.byteOffset, length)
      : decodeWords(words, dtype, length);
  return Float64Array.from(indices, (index) => all[index]);
}

/** What the check of a kernel found. */
export interface KernelVerdict {
  readonly fault: string | null;
  readonly error: ResultError;
}

/** A plan compiled with its own buffers: checked first, timed afterwards. */
export class KernelRun {
  readonly plan: KernelPlan;
  readonly program: Program;
  /** Milliseconds that creating the pipeline took. Software drivers compile later, at the first run. */
  readonly pipelineMs: number;

  private constructor(plan: KernelPlan, program: Program, pipelineMs: number) {
    this.plan = plan;
    this.program = program;
    this.pipelineMs = pipelineMs;
  }

  /** @throws DeviceError if the kernel does not compile or its buffers do not fit */
  static async compile(engine: Engine, plan: KernelPlan): Promise<KernelRun> {
    const builder = new ProgramBuilder(engine.facts, `bench: ${plan.op}[${plan.variant}]`);
    const operands = plan.bindings.map(({ name, byteLength }) =>
      builder.state(name, 'u32', [Math.max(1, Math.ceil(byteLength / 4))]),
    );
    builder.segment('run', () => builder.dispatch(plan, operands));
    const start = performance.now();
    await engine.pipelines.get(plan);
    const pipelineMs = performance.now() - start;
    return new KernelRun(plan, await compileProgram(engine, builder.finish()), pipelineMs);
  }

  /** Uploads inputs, runs once and compares with the reference. Returns the milliseconds of that first run too. */
  async check(
    engine: Engine,
    data: CaseData,
    tolerance: KernelCase['tolerance'],
  ): Promise<KernelVerdict & { readonly firstMs: number }> {
    for (const [name, bytes] of Object.entries(data.inputs)) this.program.write(name, bytes);
    await engine.idle();
    const start = performance.now();
    this.program.run();
    await engine.idle();
    const firstMs = performance.now() - start;
    let fault: string | null = null;
    let error: ResultError = { max: 0, rms: 0 };
    for (const [name, { dtype, length, indices, values, tolerance: own }] of Object.entries(data.expected)) {
      const words = (await this.program.read(name)) as Uint32Array;
      const actual =
        indices.length === length ? decodeWords(words, dtype, length) : sampleWords(words, dtype, length, indices);
      const mismatch = describeMismatch(actual, values, own ?? tolerance);
      if (mismatch) fault ??= `${name}: ${mismatch}`;
      const found = errorOf(actual, values);
      error = { max: Math.max(error.max, found.max), rms: Math.max(error.rms, found.rms) };
    }
    return { fault, error, firstMs };
  }

  dispose(): void {
    this.program.dispose();
  }
}
