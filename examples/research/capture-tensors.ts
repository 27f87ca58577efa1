// Captures the streams after a block and the velocity of every step into a safetensors file.
//   npx tsx examples/research/capture-tensors.ts [MODEL] [OUT.safetensors]
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TensorCapture } from '../../node.ts';
import { DESIGN, withModel } from './tiny-model.ts';

const out = process.argv[3] ?? 'out/capture.safetensors';

await withModel(async (pipeline) => {
  const streams = new TensorCapture({ segments: ['block.0'], tensors: ['img', 'txt'], steps: [0, 7] });
  const velocity = new TensorCapture({ segments: ['head'], tensors: ['velocity'] });
  await pipeline.run(DESIGN, { hooks: [streams, velocity] });
  await mkdir(dirname(out), { recursive: true });
  await writeFile(out, streams.encode(new Map([['about', 'streams after block 0']])));
  await writeFile(out.replace(/(\.safetensors)?$/, '-velocity.safetensors'), velocity.encode());
  for (const { name, shape } of [...streams.tensors, ...velocity.tensors]) console.log(`${name} [${shape.join(', ')}]`);
});
