import type { DeviceTier } from '../../runtime/device.ts';
import type { Engine } from '../../runtime/engine.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';
import type { GoldenHandler } from './contract.ts';
import { MRT_CPU_KINDS } from './kinds-mrt-cpu.ts';
import { openDenoiseKinds } from './kinds-gpu-denoise.ts';
import { openCacheKinds } from './kinds-gpu-cache.ts';
import { openTransformerKinds } from './kinds-gpu-transformer.ts';
import { openVaeKinds } from './kinds-gpu-vae.ts';
import { QWEN_CPU_KINDS } from './kinds-qwen-cpu.ts';

/** Handlers by kind, and what they hold open (an engine, loaded models). */
export interface GoldenKinds {
  readonly handlers: ReadonlyMap<string, GoldenHandler>;
  /** Frees it all; harmless where nothing was opened. */
  close(): Promise<void>;
}

/** Handlers that hold nothing open. */
const CPU_KINDS: readonly ReadonlyMap<string, GoldenHandler>[] = [QWEN_CPU_KINDS, MRT_CPU_KINDS];

/**
 * Makers of handlers that need a device. Each must open its engine when the first case asks for it, so that kinds without a
 * GPU run on a machine without one.
 */
const DEVICE_KINDS: readonly ((open?: () => Promise<Engine>) => GoldenKinds)[] = [
  openTransformerKinds,
  openDenoiseKinds,
  openVaeKinds,
  openCacheKinds,
];

/**
 * All kinds of golden cases that the engine can run.
 *
 * @param tier kernels of one tier only, on an engine that all kinds share
 */
export function openGoldenKinds(tier?: DeviceTier): GoldenKinds {
  let engine: Promise<Engine> | undefined;
  const shared = tier && (() => (engine ??= openEngine({ tier })));
  const opened = DEVICE_KINDS.map((open) => open(shared));
  return {
    handlers: mergeHandlers([...CPU_KINDS, ...opened.map(({ handlers }) => handlers)]),
    async close() {
      for (const kinds of opened) await kinds.close();
      (await engine?.catch(() => undefined))?.dispose();
    },
  };
}

/**
 * One map of several. Where two maps have a kind, both handlers run and their outputs are united, the later map's winning:
 * so the part of a kind that needs no model can live apart from the part that does.
 */
export function mergeHandlers(maps: Iterable<ReadonlyMap<string, GoldenHandler>>): ReadonlyMap<string, GoldenHandler> {
  const merged = new Map<string, GoldenHandler>();
  for (const handlers of maps) {
    for (const [kind, handler] of handlers) {
      const first = merged.get(kind);
      merged.set(kind, first === undefined ? handler : united(first, handler));
    }
  }
  return merged;
}

function united(first: GoldenHandler, second: GoldenHandler): GoldenHandler {
  return async (context) => new Map([...(await first(context)), ...(await second(context))]);
}
