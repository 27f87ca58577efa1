import type { Engine } from '../../runtime/engine.ts';
import { openEngine } from '../../runtime/node/open-engine.ts';

let opened: Promise<Engine | string> | undefined;

/** The adapter that GPU tests run on, or the reason why there is none. One engine per test file. */
export function testEngine(): Promise<Engine | string> {
  opened ??= openEngine({ dawn: { disable: ['timestamp_quantization'] } }).catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  );
  return opened;
}
