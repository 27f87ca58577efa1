import { planCopyProbe } from '../../../kernels/probe/probe.ts';
import type { Engine } from '../../../runtime/engine.ts';
import { ProgramBuilder } from '../../../runtime/program/builder.ts';
import { compileProgram } from '../../../runtime/program/program.ts';

/** What a dispatch costs that does next to nothing: G8. */
export interface DispatchOverhead {
  readonly dispatches: number;
  /** Microseconds of JavaScript for each. */
  readonly encodeUs: number;
  /** Microseconds for each until the device has finished. */
  readonly totalUs: number;
}

/** Encodes and runs thousands of dispatches that copy 16 bytes each, every one after the other. */
export async function benchOverhead(engine: Engine, dispatches = 4000): Promise<DispatchOverhead> {
  const builder = new ProgramBuilder(engine.facts, 'overhead');
  const x = builder.state('x', 'u32', [4]);
  const y = builder.state('y', 'u32', [4]);
  const plan = planCopyProbe(engine.facts, 1, 'x1');
  builder.segment('run', () => {
    for (let i = 0; i < dispatches; i++) builder.dispatch(plan, [x, y]);
  });
  const program = await compileProgram(engine, builder.finish());
  try {
    let best: DispatchOverhead | undefined;
    for (let round = 0; round < 4; round++) {
      const start = performance.now();
      program.run();
      const encoded = performance.now();
      await engine.idle();
      const total = performance.now() - start;
      const found = {
        dispatches,
        encodeUs: ((encoded - start) * 1000) / dispatches,
        totalUs: (total * 1000) / dispatches,
      };
      if (!best || found.totalUs < best.totalUs) best = found;
    }
    return best ?? { dispatches, encodeUs: NaN, totalUs: NaN };
  } finally {
    program.dispose();
  }
}

/** Host to device and back: G7. 10^9 bytes a second. */
export interface TransferSpeed {
  readonly uploadGbs: number;
  readonly readbackGbs: number;
}

/** Uploads in pieces of 16 MiB, as weights are, and reads one piece back. */
export async function benchTransfers(engine: Engine, bytes = 1024 * 1024 * 1024): Promise<TransferSpeed> {
  const piece = new Uint8Array(Math.min(bytes, 16 * 1024 * 1024)).fill(7);
  const buffer = engine.pool.take(piece.byteLength * 4, 'transfers', true);
  try {
    const upload = async (total: number): Promise<number> => {
      const start = performance.now();
      for (let at = 0, i = 0; at < total; at += piece.byteLength, i++) {
        engine.write(buffer, (i % 4) * piece.byteLength, piece);
        if (i % 4 === 3) engine.submit([]);
      }
      engine.submit([]);
      await engine.idle();
      return performance.now() - start;
    };
    await upload(4 * piece.byteLength); // first touch
    const uploadMs = await upload(bytes);
    await engine.read(buffer, 0, piece.byteLength);
    const start = performance.now();
    await engine.read(buffer, 0, piece.byteLength);
    const readMs = performance.now() - start;
    return { uploadGbs: bytes / uploadMs / 1e6, readbackGbs: piece.byteLength / readMs / 1e6 };
  } finally {
    engine.pool.destroy(buffer);
  }
}
