import { describe, expect, test } from 'vitest';
import { readTestSet } from '../../../tools/eval/read-test-set.ts';
import type { TestDesign } from '../../../tools/eval/read-test-set.ts';
import { shufflePartners, withWordsOf } from '../../../tools/eval/shuffle-captions.ts';
import { writeSmallSet } from './small-set.ts';

/** Designs of so many layers. Only what shuffling reads. */
const designsOf = (counts: readonly number[]): TestDesign[] =>
  counts.map((count) => ({ layers: Array.from({ length: count }), targets: [] }) as unknown as TestDesign);

describe('partners', () => {
  test.each([[[3, 3, 3, 3]], [[2, 3, 3, 4, 4, 4]], [[5, 2]], [[1, 2, 3, 4, 5]], [[4, 4, 9]], [[2, 2, 2, 3, 5, 5]]])(
    'of %j: everyone gets another, everyone is used once',
    (counts) => {
      const partners = shufflePartners('t2l', designsOf(counts), 1);
      expect([...partners].sort((a, b) => a - b)).toEqual(counts.map((_, i) => i));
      for (const [i, partner] of partners.entries()) expect(partner).not.toBe(i);
    },
  );

  test('have as many layers where two designs have', () => {
    const counts = [3, 5, 3, 5, 3, 5, 5];
    const partners = shufflePartners('t2l', designsOf(counts), 1);
    for (const [i, partner] of partners.entries()) expect(counts[partner]).toBe(counts[i]);
  });

  test('depend on the seed, and on nothing else', () => {
    const designs = designsOf(Array.from({ length: 20 }, () => 3));
    expect(shufflePartners('t2l', designs, 1)).toEqual(shufflePartners('t2l', designs, 1));
    expect(shufflePartners('t2l', designs, 1)).not.toEqual(shufflePartners('t2l', designs, 2));
  });

  test('one design alone keeps its words', () => {
    expect(shufflePartners('t2l', designsOf([3]), 1)).toEqual([0]);
  });
});

test('words change places, and nothing else', async () => {
  const [first, , third] = (await readTestSet(writeSmallSet())).designs;
  const [own, other] = [first?.documents.get('t2l'), third?.documents.get('t2l')];
  if (!own || !other) throw new TypeError('no documents');
  const shuffled = withWordsOf('t2l', own, other);
  expect(shuffled.prompt?.global).toBe('navy square, yellow square');
  expect({ ...shuffled, prompt: own.prompt }).toEqual(own);
  const [add, otherAdd] = [first?.documents.get('add'), third?.documents.get('add')];
  if (!add || !otherAdd) throw new TypeError('no documents');
  const swapped = withWordsOf('add', add, otherAdd);
  expect(swapped.layers.map(({ caption }) => caption)).toEqual(['cream background', 'red square', 'yellow square']);
  expect(add.layers.map(({ caption }) => caption)).toEqual(['cream background', 'red square', 'blue rectangle']);
  expect(swapped.layers.map(({ id }) => id)).toEqual(add.layers.map(({ id }) => id));
});
