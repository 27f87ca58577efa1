// Which text the image tokens look at: the attention of a block, averaged over heads and image tokens.
//   npx tsx examples/research/attention-maps.ts [MODEL]
import { attentionState, type BlockHook } from '../../node.ts';
import { DESIGN, withModel } from './tiny-model.ts';

const BLOCK = 1;
const HEADS = [0, 1];

await withModel(async (pipeline) => {
  const look: BlockHook = {
    matches: (name) => name === `block.${BLOCK}`,
    async after({ step, branch, shape, readState }) {
      const map = await readState(attentionState(BLOCK)); // f32 [heads, text + image, text + image]
      if (!map) return;
      const [txtLen] = shape('txt');
      const [heads, rows] = map.shape;
      let onText = 0;
      const perToken = new Float64Array(txtLen);
      for (let head = 0; head < heads; head++)
        for (let row = txtLen; row < rows; row++)
          for (let key = 0; key < txtLen; key++) {
            const weight = map.data[(head * rows + row) * rows + key] / (heads * (rows - txtLen));
            onText += weight;
            perToken[key] += weight;
          }
      const most = [...perToken.keys()].sort((a, b) => perToken[b] - perToken[a]).slice(0, 3);
      console.log(
        `step ${step} ${branch}: ${(100 * onText).toFixed(1)} % of the image's attention is on text, most on tokens ${most.join(', ')}`,
      );
    },
  };
  await pipeline.run(DESIGN, { hooks: [look], attentionMaps: { blocks: [BLOCK], heads: HEADS } });
});
