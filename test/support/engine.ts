import { createEngine, type Engine } from '../../runtime/engine.ts';
import { openDawn } from '../../runtime/node/dawn.ts';

let opened: Promise<Engine | string> | undefined;

/** The adapter that GPU tests run on, or the reason why there is none. One engine per test file. */
export function testEngine(): Promise<Engine | string> {
  opened ??= openDawn({ disable: ['timestamp_quantization'] })
    .then((gpu) => createEngine({ gpu }))
    .catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
  return opened;
}
