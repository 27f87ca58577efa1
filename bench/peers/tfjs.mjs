// TensorFlow.js on its WebGPU back end. Ops are queued: the wait ends the open pass, submits, and waits for the queue.
import './webgpu-globals.mjs';
import { serve, STREAMS, transpose } from './serve.mjs';

const tf = await import('@tensorflow/tfjs-core');
await import('@tensorflow/tfjs-backend-webgpu');
await tf.setBackend('webgpu');
await tf.ready();

const EPS = 1e-6;

async function wait() {
  const backend = tf.backend();
  if (backend.commandEncoder) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
  await backend.queue.onSubmittedWorkDone();
}

const modulate = (x, shift, scale) => {
  const { mean, variance } = tf.moments(x, -1, true);
  const normed = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, EPS)));
  return tf.add(tf.mul(normed, tf.add(scale, 1)), shift);
};

/** x [rows, heads, d]. */
const rmsRope = (x, weight, cos, sin) => {
  const [rows, heads, d] = x.shape;
  const mean = tf.mean(tf.square(x), -1, true);
  const normed = tf.reshape(tf.mul(tf.mul(x, tf.rsqrt(tf.add(mean, EPS))), weight), [rows, heads, d / 2, 2]);
  const [a, b] = tf.split(normed, 2, 3);
  const [c, s] = [cos, sin].map((table) => tf.reshape(table, [rows, 1, d / 2, 1]));
  const first = tf.sub(tf.mul(a, c), tf.mul(b, s));
  const second = tf.add(tf.mul(a, s), tf.mul(b, c));
  return tf.reshape(tf.concat([first, second], 3), [rows, heads, d]);
};

/** q, k, v [s, heads, d] -> [s, heads d]. */
const attention = (q, k, v) => {
  const [s, heads, d] = q.shape;
  const [a, b, c] = [q, k, v].map((x) => tf.transpose(x, [1, 0, 2]));
  const weights = tf.softmax(tf.mul(tf.matMul(a, b, false, true), 1 / Math.sqrt(d)), -1);
  return tf.reshape(tf.transpose(tf.matMul(weights, c), [1, 0, 2]), [s, heads * d]);
};

const geluTanh = (x) => {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
};

function block({ heads, d, txt, img }, t) {
  const linear = (x, name) => tf.add(tf.matMul(x, t[`${name}.weight`]), t[`${name}.bias`]);
  const starts = { txt: [0, txt], img: [txt, img] };
  const joint = { q: [], k: [], v: [] };
  const vectors = {};
  for (const { name, q, k, v, norm } of STREAMS) {
    const [start, count] = starts[name];
    const [shift1, scale1, ...rest] = tf.split(t[`${name}_mod`], 6, 0);
    vectors[name] = rest;
    const normed = modulate(t[name], shift1, scale1);
    const split = (layer) => tf.reshape(linear(normed, `attn.${layer}`), [count, heads, d]);
    const [cos, sin] = [t.cos, t.sin].map((table) => tf.slice(table, [start, 0], [count, d / 2]));
    joint.q.push(rmsRope(split(q), t[`attn.${norm}_q.weight`], cos, sin));
    joint.k.push(rmsRope(split(k), t[`attn.${norm}_k.weight`], cos, sin));
    joint.v.push(split(v));
  }
  const attended = attention(...['q', 'k', 'v'].map((part) => tf.concat(joint[part], 0)));
  const results = STREAMS.map(({ name, out }) => {
    const [start, count] = starts[name];
    const [gate1, shift2, scale2, gate2] = vectors[name];
    const rows = tf.slice(attended, [start, 0], [count, heads * d]);
    const x = tf.add(t[name], tf.mul(linear(rows, `attn.${out}`), gate1));
    const hidden = geluTanh(linear(modulate(x, shift2, scale2), `${name}_mlp.net.0.proj`));
    return tf.add(x, tf.mul(linear(hidden, `${name}_mlp.net.2`), gate2));
  });
  return tf.concat(results, 0);
}

function functionOf(task, t) {
  const split = (x) => tf.reshape(x, [task.s ?? task.rows, task.heads, task.d]);
  switch (task.kind) {
    case 'matmul':
      return () => tf.matMul(t.x, t.w);
    case 'attention':
      return () => attention(split(t.q), split(t.k), split(t.v));
    case 'conv':
      return () => tf.add(tf.conv2d(t.x, t.w, 1, 'same', 'NHWC'), t.b);
    case 'layer_norm_modulate':
      return () => modulate(t.x, t.shift, t.scale);
    case 'rms_rope':
      return () => rmsRope(split(t.x), t.weight, t.cos, t.sin);
    case 'block':
      return () => block(task, t);
  }
}

/** Layouts as this library wants them: [h, w, in, out] of a convolution, [in, out] of a linear layer. */
function relay(task, name, { shape, data }) {
  if (task.kind === 'conv' && name === 'w') {
    const [cout, cin] = shape;
    return convWeight(data, cout, cin);
  }
  if (task.kind === 'conv' && name === 'x') return tf.tensor(data, [1, ...shape]);
  if (task.kind === 'block' && shape.length === 2 && name.endsWith('.weight'))
    return tf.tensor(transpose(data, shape[0], shape[1]), [shape[1], shape[0]]);
  return tf.tensor(data, shape);
}

function convWeight(data, cout, cin) {
  const out = new Float32Array(data.length);
  for (let o = 0; o < cout; o++)
    for (let c = 0; c < cin; c++)
      for (let tap = 0; tap < 9; tap++) out[(tap * cin + c) * cout + o] = data[(o * cin + c) * 9 + tap];
  return tf.tensor(out, [3, 3, cin, cout]);
}

async function prepare(task, tensors) {
  if (task.dtype === 'f16') return 'has no f16';
  const t = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, relay(task, name, tensor)]));
  const call = functionOf(task, t);
  if (!call) return `no function for ${task.kind}`;
  let last;
  return {
    run() {
      if (last) tf.dispose(last);
      last = tf.tidy(call);
    },
    wait,
    read: async () => Float32Array.from(await last.data()),
    release() {
      tf.dispose([last, ...Object.values(t)]);
    },
  };
}

await serve(`tfjs ${tf.version_core} webgpu`, prepare);
