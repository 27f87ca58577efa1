// A task under withInterrupt, for interrupt.gpu.test.ts: node --import tsx interrupted-task.ts MANNER. It says on stdout how
// far it is.
//   willing: ends with the signal, then takes its time to go    stubborn: ignores the signal, on a device that is busy
import { setTimeout as sleep } from 'node:timers/promises';
import { openEngine } from '../../runtime/node/open-engine.ts';
import { benchOverhead } from '../../tools/benchmark/gpu/overhead.ts';
import { exitCodeOf } from '../../tools/exit-codes.ts';
import { withInterrupt } from '../../tools/interrupt.ts';

const say = (word: string): void => void process.stdout.write(`${word}\n`);

try {
  await withInterrupt(async (signal) => {
    signal.addEventListener('abort', () => say('aborted'));
    if (process.argv[2] === 'willing') {
      say('ready');
      await sleep(60_000, undefined, { signal });
    }
    await using engine = await openEngine({ adapter: 'any' });
    for (let i = 0; ; i++) {
      await benchOverhead(engine, 200);
      if (i === 0) say('ready');
    }
  });
} catch (error) {
  process.exitCode = exitCodeOf(error);
  say('ending');
  await sleep(60_000, undefined, { ref: process.argv[3] === 'slowly' });
}
