import { expect, test } from 'vitest';
import { DEFAULT_MANIFEST } from '../../../model/manifest/manifest-defaults.ts';
import { outputOf, unrefinedCandidate } from '../../../tools/eval/model-candidates.ts';
import type { EvalPipeline, ScoredResult } from '../../../tools/eval/model-candidates.ts';

const picture = { width: 2, height: 1, data: Uint8ClampedArray.of(1, 2, 3, 4, 5, 6, 7, 8) };

/** A layer of a result, as the pipeline gives it. */
const layer = (id: string, isGenerated: boolean): ScoredResult['layers'][number] => ({
  id,
  kind: 'image',
  z: 1,
  visible: true,
  opacity: 1,
  blend: 'normal',
  isGenerated,
  box: [-1, 3, 1, 4],
  requestedBox: [-1, 3, 1, 4],
  quantizedBox: [-16, 0, 16, 16],
  picture,
});

test("a result's layers are sorted into generated and kept, boxes and bytes as they are", () => {
  const output = outputOf({ layers: [layer('a', false), layer('b', true)] });
  expect(output).toEqual({
    layers: [{ id: 'b', box: [-1, 3, 1, 4], rgba: picture.data }],
    kept: [{ id: 'a', box: [-1, 3, 1, 4], rgba: picture.data }],
  });
});

test('the flat picture goes along where there is one', () => {
  const { composed } = outputOf({ layers: [], composed: picture });
  expect(composed).toEqual({ width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) });
});

test('the network alone stands beside a model whose manifest refines, in image to layers only', () => {
  const beside = (task: 'i2l' | 't2l', i2lRefine: 'none' | 'picture'): string | undefined =>
    unrefinedCandidate({ manifest: { ...DEFAULT_MANIFEST, i2lRefine } } as EvalPipeline, task, {})?.name;
  expect(beside('i2l', 'picture')).toBe('network alone');
  expect(beside('i2l', 'none')).toBeUndefined();
  expect(beside('t2l', 'picture')).toBeUndefined();
});
