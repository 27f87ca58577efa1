import { Bench } from 'tinybench';
import type { Spread } from './statistics.ts';

/** Milliseconds that the encoding of a kernel is repeated for. */
const TIME = 60;

/**
 * Microseconds of a synchronous function, by tinybench.
 *
 * @param calls of the function in one sample, for clocks that are coarser than one call
 * @throws what the function throws
 */
export async function hostTime(encode: () => void, calls = 1): Promise<Spread> {
  const bench = new Bench({ time: TIME, warmupTime: 10, warmupIterations: 10, throws: true, retainSamples: true });
  bench.add('encode', () => {
    for (let i = 0; i < calls; i++) encode();
  });
  const [task] = await bench.run();
  const { result } = task;
  if (result.state !== 'completed') throw new RangeError(`host time: ${result.state}.`);
  const { p50, samples, samplesCount } = result.latency;
  const sorted = [...(samples ?? [])].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? p50;
  const us = 1000 / calls;
  return { p10: at(0.1) * us, p50: p50 * us, p90: at(0.9) * us, n: samplesCount };
}
