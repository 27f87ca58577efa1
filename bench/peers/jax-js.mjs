// jax-js. Work is lazy: an output that is disposed before it was waited for is never computed, so every run's output is kept
// until the wait. Arguments of a jitted function are consumed; `.ref` keeps them.
import './webgpu-globals.mjs';
import { readFileSync } from 'node:fs';
import { serve, STREAMS, transpose, widen } from './serve.mjs';

// Node 20 lacks these, and the library uses them.
globalThis.Float16Array ??= class Float16Array extends Uint16Array {};
const iterators = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
iterators.map ??= function* map(transform) {
  let index = 0;
  for (const value of this) yield transform(value, index++);
};

const { init, defaultDevice, jit, numpy: np, nn, lax } = await import('@jax-js/jax');
await init('webgpu');
defaultDevice('webgpu');

const EPS = 1e-6;

const modulate = (x, shift, scale) => nn.standardize(x, -1, { epsilon: EPS }).mul(scale.add(1)).add(shift);

/** x [rows, heads, d]. */
const rmsRope = (x, weight, cos, sin) => {
  const [rows, heads, d] = x.shape;
  const mean = np.mean(np.square(x.ref), -1, { keepdims: true });
  const normed = x
    .div(np.sqrt(mean.add(EPS)))
    .mul(weight)
    .reshape([rows, heads, d / 2, 2]);
  const [a, b] = np.split(normed, 2, 3);
  const [c, s] = [cos, sin].map((table) => table.reshape([rows, 1, d / 2, 1]));
  const first = a.ref.mul(c.ref).sub(b.ref.mul(s.ref));
  const second = a.mul(s).add(b.mul(c));
  return np.concatenate([first, second], 3).reshape([rows, heads, d]);
};

/** q, k, v [s, heads, d] -> [s, heads d]. */
const attention = (q, k, v) => {
  const [s, heads, d] = q.shape;
  const scores = np.matmul(q.transpose([1, 0, 2]), k.transpose([1, 2, 0])).mul(1 / Math.sqrt(d));
  const out = np.matmul(nn.softmax(scores, -1), v.transpose([1, 0, 2]));
  return out.transpose([1, 0, 2]).reshape([s, heads * d]);
};

const geluTanh = (x) => {
  const cube = np.square(x.ref).mul(x.ref).mul(0.044715);
  const inner = x.ref.add(cube).mul(Math.sqrt(2 / Math.PI));
  return x.mul(0.5).mul(np.tanh(inner).add(1));
};

function block({ heads, d, txt, img }, t) {
  const linear = (x, name) => np.matmul(x, t[`${name}.weight`]).add(t[`${name}.bias`]);
  const counts = { txt, img };
  const joint = { q: [], k: [], v: [] };
  const vectors = {};
  const tables = ['cos', 'sin'].map((name) => np.split(t[name], [txt], 0));
  STREAMS.forEach(({ name, q, k, v, norm }, i) => {
    const count = counts[name];
    const [shift1, scale1, ...rest] = np.split(t[`${name}_mod`], 6, 0);
    vectors[name] = rest;
    const normed = modulate(t[name].ref, shift1, scale1);
    const split = (x, layer) => linear(x, `attn.${layer}`).reshape([count, heads, d]);
    const [cos, sin] = tables.map((table) => table[i]);
    joint.q.push(rmsRope(split(normed.ref, q), t[`attn.${norm}_q.weight`], cos.ref, sin.ref));
    joint.k.push(rmsRope(split(normed.ref, k), t[`attn.${norm}_k.weight`], cos, sin));
    joint.v.push(split(normed, v));
  });
  const attended = attention(...['q', 'k', 'v'].map((part) => np.concatenate(joint[part], 0)));
  const rows = np.split(attended, [txt], 0);
  const results = STREAMS.map(({ name, out }, i) => {
    const [gate1, shift2, scale2, gate2] = vectors[name];
    const x = t[name].add(linear(rows[i], `attn.${out}`).mul(gate1));
    const hidden = geluTanh(linear(modulate(x.ref, shift2, scale2), `${name}_mlp.net.0.proj`));
    return x.add(linear(hidden, `${name}_mlp.net.2`).mul(gate2));
  });
  return np.concatenate(results, 0);
}

function functionOf(task) {
  const split = (x) => x.reshape([task.s ?? task.rows, task.heads, task.d]);
  switch (task.kind) {
    case 'matmul':
      return (t) => np.matmul(t.x, t.w);
    case 'attention':
      return (t) => attention(split(t.q), split(t.k), split(t.v));
    case 'conv':
      return (t) => lax.conv(t.x, t.w, [1, 1], 'SAME').add(t.b.reshape([1, task.cout, 1, 1]));
    case 'layer_norm_modulate':
      return (t) => modulate(t.x, t.shift, t.scale);
    case 'rms_rope':
      return (t) => rmsRope(split(t.x), t.weight, t.cos, t.sin).reshape([task.rows, task.heads * task.d]);
    case 'block':
      return (t) => block(task, t);
  }
}

function relay(task, name, { dtype, shape, data }) {
  if (dtype === 'f16') return np.array(widen(data), { shape, dtype: np.float32 }).astype(np.float16);
  if (task.kind === 'conv' && name === 'x')
    return np.array(transpose(data, shape[0] * shape[1], shape[2]), { shape: [1, shape[2], shape[0], shape[1]] });
  if (task.kind === 'block' && shape.length === 2 && name.endsWith('.weight'))
    return np.array(transpose(data, shape[0], shape[1]), { shape: [shape[1], shape[0]] });
  return np.array(data, { shape });
}

async function prepare(task, tensors) {
  const call = functionOf(task);
  if (!call) return `no function for ${task.kind}`;
  const t = Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, relay(task, name, tensor)]));
  await Promise.all(Object.values(t).map((array) => array.blockUntilReady()));
  const compiled = jit(call);
  const kept = [];
  let last;
  return {
    run() {
      kept.push(compiled(Object.fromEntries(Object.entries(t).map(([name, array]) => [name, array.ref]))));
    },
    async wait() {
      for (const output of kept) await output.blockUntilReady();
      last?.dispose();
      last = kept.pop();
      for (const output of kept.splice(0)) output.dispose();
    },
    async read() {
      const values = Float32Array.from(await last.ref.astype(np.float32).data());
      return task.kind === 'conv' ? transpose(values, task.cout, task.h * task.w) : values;
    },
    release() {
      last?.dispose();
      for (const array of Object.values(t)) array.dispose();
      compiled.dispose?.();
    },
  };
}

const manifest = new URL('./node_modules/@jax-js/jax/package.json', import.meta.url);
await serve(`jax-js ${JSON.parse(readFileSync(manifest)).version} webgpu`, prepare);
