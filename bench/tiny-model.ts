// C6: the tiny model end to end, text to layers in 8 steps: text encoder, transformer, a decoded picture for each layer.
//   npx tsx bench/tiny-model.ts [--model FOLDER] [--case FOLDER] [--runs N]
// Beside it, the same computation in PyTorch on the CPU: bench/tiny_model_torch.py. The first run counts loading,
// compilation and uploads; the others are what a second request costs.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Checkpoint } from '../model/checkpoint/checkpoint.ts';
import type { LayeredDesign } from '../model/layout/design-schema.ts';
import { MrtPipeline } from '../model/pipeline/mrt-pipeline.ts';
import { modelFolder } from '../runtime/node/model-folder.ts';
import { openEngine } from '../runtime/node/open-engine.ts';
import { spreadOf } from '../tools/benchmark/statistics.ts';
import { DEFAULT_MODEL } from '../tools/default-model.ts';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: DEFAULT_MODEL },
    case: { type: 'string', default: 'test/golden/trained/cases/trained-t2l' },
    runs: { type: 'string', default: '5' },
  },
});
const { inputs } = JSON.parse(readFileSync(join(values.case, 'case.json'), 'utf8')) as {
  inputs: { document: LayeredDesign };
};

const started = performance.now();
await using engine = await openEngine();
await using pipeline = MrtPipeline.open(engine, await Checkpoint.open(await modelFolder(values.model)));
const job = pipeline.plan(inputs.document);
await pipeline.run(inputs.document);
const firstMs = performance.now() - started;
const samples: number[] = [];
for (let i = 0; i < Number(values.runs); i++) {
  const start = performance.now();
  await pipeline.run(inputs.document);
  samples.push(performance.now() - start);
}
console.log(
  JSON.stringify({
    what: 'layerloom',
    device: engine.info.description,
    imageTokens: job.plan.numTokens,
    layers: inputs.document.layers.length,
    firstMs,
    ms: spreadOf(samples),
  }),
);
