/** One latent of a region and the token element that it belongs to. */
export interface PatchPair {
  readonly channel: number;
  readonly y: number;
  readonly x: number;
  readonly token: number;
  readonly column: number;
}

/**
 * All pairs of a region, by the reference pipeline's words: view [C, h/2, 2, w/2, 2], permute to [h/2, w/2, C, 2, 2],
 * reshape to [h/2 * w/2, 4C] (diffusers, QwenImagePipeline._pack_latents).
 */
export function patchPairs(channels: number, height: number, width: number): PatchPair[] {
  const pairs: PatchPair[] = [];
  let element = 0;
  for (let i = 0; i < height / 2; i++)
    for (let j = 0; j < width / 2; j++)
      for (let channel = 0; channel < channels; channel++)
        for (let dy = 0; dy < 2; dy++)
          for (let dx = 0; dx < 2; dx++) {
            const columns = 4 * channels;
            pairs.push({
              channel,
              y: 2 * i + dy,
              x: 2 * j + dx,
              token: Math.floor(element / columns),
              column: element % columns,
            });
            element++;
          }
  return pairs;
}
