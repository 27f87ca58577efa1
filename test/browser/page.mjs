// What runs in the browser: the modules of dist/, unbundled, on the page's own `navigator.gpu`.
import { cases as attention } from '/dist/kernels/attention/attention.cases.js';
import { cases as matmul } from '/dist/kernels/matmul/matmul.cases.js';
import { cases as rmsNorm } from '/dist/kernels/rms-norm/rms-norm.cases.js';
import { condEmbeddingLength, Checkpoint } from '/dist/model/checkpoint/checkpoint.js';
import { planMrt } from '/dist/model/tokens/plan-mrt.js';
import { predictedTokens } from '/dist/model/tokens/region-tokens.js';
import { fetchSource } from '/dist/runtime/io/fetch-source.js';
import { checkKernel } from '/dist/tools/doctor/check-kernel.js';
import { createEngine, openSafetensors } from '/dist/index.js';

/** Device, and how three kernels did against their references. */
export async function kernels() {
  const engine = await createEngine({ gpu: navigator.gpu });
  const checks = [];
  for (const cases of [rmsNorm, matmul, attention]) checks.push(await checkKernel(engine, cases));
  engine.dispose();
  return { device: `${engine.info.vendor} ${engine.info.architecture}`, checks };
}

/** One forward of a golden case of kind mrt_transformer, read over HTTP: NMSE of the velocity, and bytes left over. */
export async function transformer(path, id) {
  const root = new URL(path, location.href).href;
  const golden = await (await fetch(`${root}/cases/${id}/case.json`)).json();
  const file = await openSafetensors(await fetchSource(`${root}/cases/${id}/tensors.safetensors`));
  const input = (name) => file.readF32(golden.inputs[name].tensor);
  const engine = await createEngine({ gpu: navigator.gpu });
  const checkpoint = await Checkpoint.open(httpModel(`${root}/${golden.model}`));
  const { manifest } = checkpoint;
  const model = await checkpoint.transformer(engine);
  const plan = planMrt(golden.inputs.document, manifest);
  const text = await input('text');
  const pass = await model.prepare({
    tokens: plan,
    textLength: text.length / model.config.jointAttentionDim,
    ropeTheta: manifest.rope.theta,
    condEmbedding: {
      tensor: manifest.condEmbedding.tensor,
      length: condEmbeddingLength(manifest, model.config),
      addAt: manifest.condEmbedding.addAt,
    },
  });
  const zero = plan.modulationRowCount > 1;
  const table = await model.modulation({ timesteps: zero ? [golden.inputs.sigma, 0] : [golden.inputs.sigma] });
  pass.setModulation(table, 0, zero ? 1 : undefined);
  pass.setText(text);
  pass.setTokens(await input('tokens'));
  pass.run();
  const velocity = predictedTokens(plan, await pass.readVelocity());
  const { tensor, check } = golden.expect.find(({ output }) => output === 'velocity');
  const expected = await file.readF32(tensor);
  const error = expected.reduce((sum, value, i) => sum + (velocity[i] - value) ** 2, 0);
  const norm = expected.reduce((sum, value) => sum + value ** 2, 0);
  table.dispose();
  pass.dispose();
  await model.dispose();
  await checkpoint.close();
  engine.dispose();
  const { liveBytes } = engine.counters;
  return { elements: [velocity.length, expected.length], nmse: error / norm, bound: check.nmse, liveBytes };
}

/** A model's folder behind a web server. */
function httpModel(url) {
  const folder = (base) => ({
    name: base,
    async open(baseName) {
      const address = `${base}/${baseName}`;
      return (await fetch(address, { method: 'HEAD' })).ok ? fetchSource(address) : undefined;
    },
  });
  return { name: url, root: folder(url), folder: async (part) => folder(`${url}/${part}`) };
}
