// Opens an engine as an app does and prints which driver it got: run in a process of its own by open-engine.gpu.test.ts,
// because libraries that one test loads would stay for the next.
import { createEngine } from '../../../runtime/engine.ts';
import { LayerloomError } from '../../../runtime/errors.ts';
import { openDriver, type NodeEngineOptions } from '../../../runtime/node/open-engine.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as NodeEngineOptions;
try {
  const { gpu, driver, manifest, refused } = await openDriver(options);
  const engine = await createEngine({ gpu });
  const tensor = engine.tensor('f32', [3], Float32Array.of(1, 2, 3));
  const sum = Array.from(await tensor.read()).reduce((a, b) => a + b, 0);
  const variables = [process.env.VK_DRIVER_FILES ?? null, process.env.VK_ICD_FILENAMES ?? null];
  console.log(JSON.stringify({ driver, manifest, refused, sum, variables, device: engine.info.description }));
  engine.dispose();
} catch (error) {
  if (!(error instanceof LayerloomError)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message }));
}
