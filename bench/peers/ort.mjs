// ONNX Runtime: node ort.mjs webgpu|cpu. Its WebGPU provider brings a Dawn of its own. Inputs and outputs stay on the device;
// run() returns before the GPU has finished, so the wait is a tiny session whose output goes to the host: same queue.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import ort from 'onnxruntime-node';
import { OnnxGraph } from './onnx.mjs';
import { modelOf } from './onnx-tasks.mjs';
import { serve, widen } from './serve.mjs';

const provider = process.argv[2] ?? 'webgpu';
const onDevice = provider === 'webgpu';
const options = {
  executionProviders: [provider],
  intraOpNumThreads: Number(process.env.OMP_NUM_THREADS ?? 1),
  interOpNumThreads: 1,
  logSeverityLevel: 3,
};
// What the provider has no kernel for would run on the CPU, and look fast.
const deviceOnly = { session: { disable_cpu_ep_fallback: '1' } };
const location = onDevice ? { preferredOutputLocation: 'gpu-buffer', extra: deviceOnly } : {};
const tensorOf = ({ dtype, shape, data }) => new ort.Tensor(dtype === 'f16' ? 'float16' : 'float32', data, shape);

/** A model that multiplies by one: what brings a tensor onto the device, or back. */
async function passThrough(dtype, shape, extra) {
  const graph = new OnnxGraph();
  const one = dtype === 'f16' ? graph.constant('f16', [], Uint16Array.of(0x3c00)) : graph.scalar(1);
  graph.output(graph.node('Mul', [graph.input('x', dtype, shape), one]), 'y', dtype, shape);
  return ort.InferenceSession.create(graph.encode(), { ...options, ...extra });
}

const fence = onDevice ? await passThrough('f32', [4], {}) : undefined;
const fenceFeed = { x: new ort.Tensor('float32', new Float32Array(4), [4]) };

async function prepare(task, tensors) {
  const model = modelOf(task, tensors);
  if (!model) return `no graph for ${task.kind}`;
  const session = await ort.InferenceSession.create(model.bytes, { ...options, ...location });
  const feeds = {};
  const uploads = [];
  for (const [name, tensor] of Object.entries(model.inputs)) {
    feeds[name] = tensorOf(tensor);
    if (!onDevice) continue;
    const upload = await passThrough(tensor.dtype, tensor.shape, location);
    feeds[name] = (await upload.run({ x: feeds[name] })).y;
    uploads.push(upload);
  }
  let last;
  return {
    async run() {
      last?.dispose?.();
      last = (await session.run(feeds)).out;
    },
    wait: async () => void (await fence?.run(fenceFeed)),
    async read() {
      let host = last;
      if (onDevice) {
        const download = await passThrough(model.dtype, model.shape, {});
        host = (await download.run({ x: last })).y;
        await download.release();
      }
      const { data } = host;
      const values = model.dtype === 'f16' ? widen(new Uint16Array(data.buffer, data.byteOffset, data.length)) : data;
      return new Float32Array(model.fromDevice(values));
    },
    async release() {
      last?.dispose?.();
      for (const feed of Object.values(feeds)) feed.dispose?.();
      await session.release();
      for (const upload of uploads) await upload.release();
    },
  };
}

const { version } = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')));
await serve(`onnxruntime-node ${version} ${provider}`, prepare);
