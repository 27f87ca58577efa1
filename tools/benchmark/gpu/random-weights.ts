import { planFillRandom, type FillRandomOptions } from '../../../kernels/fill-random/fill-random.ts';
import { seedOf } from '../../../kernels/case-random.ts';
import type { Engine } from '../../../runtime/engine.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import type { WeightRequest } from '../../../runtime/program/plan.ts';
import { compileProgram } from '../../../runtime/program/program.ts';
import type { WeightBuffers } from '../../../runtime/weights/weight-store.ts';

/**
 * Weights made by a kernel, for forwards of models whose checkpoint is not at hand: nothing is read, converted or uploaded,
 * and the same request gives the same values.
 *
 * Matrices are uniform with the variance 1 / inputs, norm weights 1, biases small: streams stay of order 1 block after block.
 */
export class RandomWeights implements WeightBuffers {
  readonly #engine: Engine;
  readonly #resident = new Map<string, GPUBuffer>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Bytes on the device. */
  get bytes(): number {
    let bytes = 0;
    for (const buffer of this.#resident.values()) bytes += buffer.size;
    return bytes;
  }

  /** @throws DeviceError `out-of-memory` with the weight that did not fit */
  async resolve(requests: readonly WeightRequest[], signal?: AbortSignal): Promise<ReadonlyMap<string, GPUBuffer>> {
    const buffers = new Map<string, GPUBuffer>();
    for (const request of requests)
      for (const [part, { dtype, shape }] of Object.entries(request.parts)) {
        signal?.throwIfAborted();
        const key = `${request.key}:${part}`;
        const buffer =
          this.#resident.get(key) ?? (await this.#make(key, request, dtype as FillRandomOptions['dtype'], shape));
        this.#resident.set(key, buffer);
        buffers.set(key, buffer);
      }
    await this.#engine.idle();
    return buffers;
  }

  async #make(
    key: string,
    request: WeightRequest,
    dtype: FillRandomOptions['dtype'],
    shape: readonly number[],
  ): Promise<GPUBuffer> {
    const engine = this.#engine;
    const count = shape.reduce((product, size) => product * size, 1);
    const words = Math.ceil(count / { f32: 1, f16: 2, bf16: 2, i8: 4 }[dtype]);
    const buffer = await engine.allocate(`weight "${key}"`, () => engine.pool.take(words * 4, key, true));
    if (shape.length === 1 && request.tensors.every((name) => /norm[^.]*\.(weight|gamma)$/.test(name))) {
      engine.write(buffer, 0, new Float32Array(count).fill(1));
      return buffer;
    }
    const scale = shape.length === 1 ? 0.01 : Math.sqrt(3 / shape[shape.length - 1]);
    const builder = new ProgramBuilder(engine.facts, 'random weight');
    const out = builder.state('out', 'u32', [words]);
    builder.segment('fill', () =>
      builder.dispatch(planFillRandom(engine.facts, { words, dtype, seed: seedOf(key), scale }), [out]),
    );
    const program = await compileProgram(engine, builder.finish(), {
      bind: { out: { buffer, byteLength: words * 4 } },
    });
    program.run();
    program.dispose();
    return buffer;
  }

  dispose(): void {
    for (const buffer of this.#resident.values()) this.#engine.pool.destroy(buffer);
    this.#resident.clear();
  }
}
