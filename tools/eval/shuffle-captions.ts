import { seededRandom } from '../../kernels/case-random.ts';
import type { DesignNode, DesignTaskType, LayeredDesign } from '../../model/layout/design-schema.ts';
import type { TestDesign } from './read-test-set.ts';

/**
 * For every design another one whose caption it gets: captions change places among designs that ask for as many things,
 * where there are at least two of them, else with the next size. No design keeps its own, unless it is the only one.
 *
 * @returns index of the partner, for each design
 */
export function shufflePartners(task: DesignTaskType, designs: readonly TestDesign[], seed: number): number[] {
  const random = seededRandom(seed);
  const sizeOf = (design: TestDesign): number => (task === 'add' ? design.targets.length : design.layers.length);
  const order = designs
    .map((design, index) => ({ index, size: sizeOf(design), rank: random.uniform(0, 1) }))
    .sort((a, b) => a.size - b.size || a.rank - b.rank);
  const partners = new Array<number>(designs.length).fill(0);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && order[end].size === order[start].size) end++;
    // A size that only one design has joins the next one; the last alone joins the one before it.
    if (end - start === 1 && end < order.length) end++;
    while (end < order.length && order[end].size === order[end - 1].size) end++;
    if (order.length - end === 1) end = order.length;
    for (let i = start; i < end; i++) partners[order[i].index] = order[i + 1 < end ? i + 1 : start].index;
    start = end;
  }
  return partners;
}

/** A document with another's words: the prompt in text to layers, the targets' captions in add. */
export function withWordsOf(task: DesignTaskType, own: LayeredDesign, other: LayeredDesign): LayeredDesign {
  if (task === 't2l') return { ...own, ...(other.prompt === undefined ? {} : { prompt: other.prompt }) };
  const captions = targetCaptions(other);
  const targets = own.task?.targets ?? [];
  const layers = own.layers.map((node): DesignNode => {
    const at = targets.indexOf(node.id);
    return at < 0 || captions.length === 0 ? node : { ...node, caption: captions[at % captions.length] };
  });
  return { ...own, layers };
}

function targetCaptions({ task, layers }: LayeredDesign): string[] {
  const targets = task?.targets ?? [];
  return targets.map((id) => layers.find((node) => node.id === id)?.caption ?? '');
}
