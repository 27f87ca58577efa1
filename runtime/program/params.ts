import { BUFFER_USAGE } from '../constants.ts';
import type { Engine } from '../engine.ts';
import type { ProgramPlan } from './plan.ts';

/** The Params of all dispatches, packed into one uniform buffer. */
export interface PackedParams {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each dispatch's Params start; 0 where it has none. */
  readonly offsets: readonly number[];
}

/** Packs Params into aligned slots; equal ones share a slot: blocks of a network often differ in their weights alone. */
export function packParams(plan: ProgramPlan, alignment: number): PackedParams {
  const known = new Map<string, number>();
  const distinct: { at: number; uniform: Uint8Array }[] = [];
  let end = 0;
  const offsets = plan.dispatches.map(({ plan: { uniform } }) => {
    if (uniform.byteLength === 0) return 0;
    const key = uniform.join();
    let at = known.get(key);
    if (at === undefined) {
      at = Math.ceil(end / alignment) * alignment;
      known.set(key, at);
      distinct.push({ at, uniform });
      end = at + uniform.byteLength;
    }
    return at;
  });
  const bytes = new Uint8Array(end);
  for (const { at, uniform } of distinct) bytes.set(uniform, at);
  return { bytes, offsets };
}

/** The uniform buffer of a program; undefined where no dispatch has Params. */
export function writeParams(engine: Engine, label: string, { bytes }: PackedParams): GPUBuffer | undefined {
  if (bytes.byteLength === 0) return undefined;
  const buffer = engine.pool.track(
    engine.device.createBuffer({
      size: bytes.byteLength,
      usage: BUFFER_USAGE.UNIFORM | BUFFER_USAGE.COPY_DST,
      label: `${label}: params`,
    }),
  );
  engine.write(buffer, 0, bytes);
  return buffer;
}
