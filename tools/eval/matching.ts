/**
 * Size of the largest pairing of found things with wanted ones, each used once (Kuhn's augmenting paths). With edges of
 * equal names it is the size of the multisets' overlap.
 *
 * @param edges `edges[found][wanted]`: whether the two may be paired
 */
export function largestMatching(edges: readonly (readonly boolean[])[]): number {
  const ownerOf = new Map<number, number>();
  const augment = (found: number, tried: Set<number>): boolean => {
    for (const [wanted, isEdge] of (edges[found] ?? []).entries()) {
      if (!isEdge || tried.has(wanted)) continue;
      tried.add(wanted);
      const owner = ownerOf.get(wanted);
      if (owner !== undefined && !augment(owner, tried)) continue;
      ownerOf.set(wanted, found);
      return true;
    }
    return false;
  };
  let size = 0;
  for (let found = 0; found < edges.length; found++) if (augment(found, new Set())) size++;
  return size;
}
