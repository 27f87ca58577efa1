// Reads what every block leaves, and asks how much a block matters by undoing it.
//   npx tsx examples/research/block-outputs.ts [MODEL]
import type { BlockHook } from '../../node.ts';
import { DESIGN, withModel } from './tiny-model.ts';

const rms = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

await withModel(async (pipeline) => {
  const look: BlockHook = {
    matches: (name) => name.startsWith('block.'),
    async after({ step, branch, name, read }) {
      if (step !== 0) return;
      console.log(`${branch} ${name}: image stream rms ${rms(await read('img')).toFixed(3)}`);
    },
  };
  const plain = await pipeline.run(DESIGN, { hooks: [look] });

  // Keep the streams before block 1 and put them back after it: the block is skipped.
  let img = new Float32Array();
  let txt = new Float32Array();
  const undo: BlockHook = {
    matches: (name) => name === 'block.0' || name === 'block.1',
    async after({ name, read, replace }) {
      if (name === 'block.0') {
        img = (await read('img')).slice();
        txt = (await read('txt')).slice();
      } else {
        replace('img', img);
        replace('txt', txt);
      }
    },
  };
  const ablated = await pipeline.run(DESIGN, { hooks: [undo] });
  const pixels = plain.merged.data.length;
  let apart = 0;
  for (let i = 0; i < pixels; i++) apart += Math.abs(plain.merged.data[i] - ablated.merged.data[i]);
  console.log(`without block 1 the merged picture differs by ${(apart / pixels).toFixed(2)} of 255 on average`);
});
