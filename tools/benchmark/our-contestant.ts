import type { Engine } from '../../runtime/engine.ts';
import { ProgramBuilder } from '../../runtime/program/builder.ts';
import { compileProgram, type Program } from '../../runtime/program/program.ts';
import { missingTensor } from '../../runtime/weights/missing-tensor.ts';
import { WeightStore, type TensorReader } from '../../runtime/weights/weight-store.ts';
import { valuesOf } from './workloads/half.ts';
import type { Workload, WorkloadTensors } from './workloads/workload.ts';

/** Runs of one sample at most, so that a clock that goes wrong ends. */
const MAX_RUNS = 1024;

/** Back-to-back runs with one wait at the end. */
export interface ContestSample {
  readonly runs: number;
  readonly ms: number;
}

/** A workload as the engine runs it: recorded once, replayed for each run. */
export class OurContestant {
  readonly coldMs: number;
  readonly #engine: Engine;
  readonly #program: Program;
  readonly #store: WeightStore;
  readonly #output: string;
  #runMs: number;

  private constructor(engine: Engine, program: Program, store: WeightStore, output: string, coldMs: number) {
    this.#engine = engine;
    this.#program = program;
    this.#store = store;
    this.#output = output;
    this.coldMs = coldMs;
    this.#runMs = coldMs;
  }

  /** Compiles, uploads and runs once. `coldMs` counts compilation and the first run, not the uploads. */
  static async prepare(engine: Engine, workload: Workload, inputs: WorkloadTensors): Promise<OurContestant> {
    const builder = new ProgramBuilder(engine.facts, `${workload.id} ${workload.name}`);
    const out = workload.record(builder, { precision: 'stored' });
    const plan = builder.finish();
    const output = [...plan.states].find(([, value]) => value.storage === out.storage)?.[0] ?? 'out';
    const store = new WeightStore(engine, memoryReader(workload.weights?.(inputs) ?? {}));
    const start = performance.now();
    await Promise.all(plan.dispatches.map((dispatch) => engine.pipelines.get(dispatch.plan)));
    const compiledMs = performance.now() - start;
    const program = await compileProgram(engine, plan, { weights: store });
    const given = workload.states?.(inputs);
    for (const name of plan.states.keys()) {
      const data = given ? given[name] : inputs[name]?.data;
      if (data) program.write(name, data);
    }
    await engine.idle();
    const firstAt = performance.now();
    program.run(['run']);
    await engine.idle();
    return new OurContestant(engine, program, store, output, compiledMs + performance.now() - firstAt);
  }

  /** The result of the runs so far, f32. */
  async result(): Promise<Float32Array> {
    return (await this.#program.read(this.#output)) as Float32Array;
  }

  /** Runs for about `targetMs`. */
  async sample(targetMs: number): Promise<ContestSample> {
    const runs = Math.min(MAX_RUNS, Math.max(1, Math.round(targetMs / this.#runMs)));
    const start = performance.now();
    for (let i = 0; i < runs; i++) this.#program.run(['run']);
    await this.#engine.idle();
    const ms = performance.now() - start;
    this.#runMs = ms / runs;
    return { runs, ms };
  }

  async release(): Promise<void> {
    this.#program.dispose();
    await this.#store.dispose();
    this.#engine.pool.trim();
  }
}

/** Tensors in memory as a checkpoint. */
function memoryReader(tensors: WorkloadTensors): TensorReader {
  return {
    name: 'bench',
    readTensor: async (name) => {
      const tensor = tensors[name];
      if (!tensor) throw missingTensor('bench', name);
      const { dtype, shape, data } = tensor;
      return {
        name,
        dtype: dtype === 'f16' ? 'F16' : 'F32',
        shape,
        bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
        toF32: () => valuesOf(tensor),
      };
    },
  };
}
