import { expect, it } from 'vitest';
import { measureEncode } from '../../bench/encode-time.ts';

it('measures a guided step on the null back end, and plans the large shape beside it', async () => {
  const [two, three] = [await measureEncode(2, 4), await measureEncode(3, 4)];
  expect(two.step.n).toBeGreaterThanOrEqual(4);
  expect(two.step.p50).toBeGreaterThan(0);
  // Both passes run every block: what a block adds is even, and the same at the large shape.
  const perBlock = three.dispatches - two.dispatches;
  expect(perBlock % 2).toBe(0);
  expect(three.largeShape.dispatches - two.largeShape.dispatches).toBe(perBlock / 2);
  expect(two.submits).toBeLessThan(6);
  // Exact figures of a program without weights: more blocks take no more memory, and no buffer makes a kernel wait.
  expect(two.largeShape).toMatchObject({ arenaBytes: 305_135_616, peakLiveBytes: 305_135_616, arenas: 3 });
  expect(three.largeShape.arenaBytes).toBe(two.largeShape.arenaBytes);
});
