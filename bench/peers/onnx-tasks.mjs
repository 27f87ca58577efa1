// The bench's tasks as ONNX graphs, the way exporters write them: decomposed attention (the fused operator gives wrong
// results on some CPU drivers), LayerNormalization, Split and Concat for rotations.
import { OnnxGraph } from './onnx.mjs';
import { STREAMS, transpose, widen } from './serve.mjs';

const EPS = 1e-6;

/** Graph inputs that change from call to call, and the model's bytes. Weights are initializers. */
export function modelOf(task, tensors) {
  const graph = new OnnxGraph();
  const inputs = {};
  const feed = (name, tensor = tensors[name]) => {
    inputs[name] = tensor;
    return graph.input(name, tensor.dtype, tensor.shape);
  };
  const fixed = (name, tensor = tensors[name]) => graph.constant(tensor.dtype, tensor.shape, tensor.data, name);
  const finish = (value, dtype, shape, fromDevice = (data) => data) => {
    graph.output(value, 'out', dtype, shape);
    return { bytes: graph.encode(), inputs, dtype, shape, fromDevice };
  };
  switch (task.kind) {
    case 'matmul':
      return finish(graph.node('MatMul', [feed('x'), fixed('w')]), task.dtype, [task.m, task.n]);
    case 'linear': {
      // As in ggml_peer.py: x [m, k] times w [n, k] transposed, both f16 codes, computed in the task's dtype.
      const { m, n, k, dtype } = task;
      const as = (shape, data) => ({ dtype, shape, data: dtype === 'f16' ? data : widen(data) });
      const w = as([k, n], transpose(tensors.w.data, n, k));
      return finish(graph.node('MatMul', [feed('x', as([m, k], tensors.x.data)), fixed('w', w)]), dtype, [m, n]);
    }
    case 'sdpa': {
      // Attention whose operator may be the vendor's fused one: q, k, v [s, heads d] -> [s, heads d].
      const { s, heads, d, dtype, fused } = task;
      if (!fused) return modelOf({ ...task, kind: 'attention' }, tensors);
      const [q, k, v] = ['q', 'k', 'v'].map((name) => graph.reshape(feed(name), [1, s, heads * d]));
      const out = graph.node('MultiHeadAttention', [q, k, v], { num_heads: heads }, 1, 'com.microsoft');
      return finish(graph.reshape(out, [s, heads * d]), dtype, [s, heads * d]);
    }
    case 'attention': {
      const { s, heads, d, dtype } = task;
      const [q, k, v] = ['q', 'k', 'v'].map((name) => graph.reshape(feed(name), [s, heads, d]));
      return finish(attention(graph, { q, k, v, s, heads, d, dtype }), dtype, [s, heads * d]);
    }
    case 'conv': {
      const { h, w, cin, cout } = task;
      const x = feed('x', { dtype: 'f32', shape: [1, cin, h, w], data: transpose(tensors.x.data, h * w, cin) });
      const out = graph.node('Conv', [x, fixed('w'), fixed('b')], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
      return finish(out, 'f32', [1, cout, h, w], (data) => transpose(data, cout, h * w));
    }
    case 'layer_norm_modulate':
      return finish(modulate(graph, feed('x'), feed('shift'), feed('scale'), task.cols), 'f32', [task.rows, task.cols]);
    case 'rms_rope': {
      const { rows, heads, d } = task;
      const x = graph.reshape(feed('x'), [rows, heads, d]);
      const turned = rmsRope(graph, x, { weight: fixed('weight'), cos: feed('cos'), sin: feed('sin'), rows, heads, d });
      return finish(graph.reshape(turned, [rows, heads * d]), 'f32', [rows, heads * d]);
    }
    case 'block': {
      const rows = task.txt + task.img;
      return finish(block(graph, task, tensors, feed, fixed), 'f32', [rows, task.heads * task.d]);
    }
    default:
      return undefined;
  }
}

/** q, k, v [s, heads, d] -> [s, heads d]. */
function attention(graph, { q, k, v, s, heads, d, dtype }) {
  const scale =
    dtype === 'f16'
      ? graph.constant('f16', [], Uint16Array.of(toHalf(1 / Math.sqrt(d))))
      : graph.scalar(1 / Math.sqrt(d));
  const scores = graph.node('MatMul', [
    graph.node('Transpose', [graph.node('Mul', [q, scale])], { perm: [1, 0, 2] }),
    graph.node('Transpose', [k], { perm: [1, 2, 0] }),
  ]);
  const weights = graph.node('Softmax', [scores], { axis: -1 });
  const out = graph.node('MatMul', [weights, graph.node('Transpose', [v], { perm: [1, 0, 2] })]);
  return graph.reshape(graph.node('Transpose', [out], { perm: [1, 0, 2] }), [s, heads * d]);
}

function toHalf(value) {
  const exponent = Math.floor(Math.log2(value));
  return ((exponent + 15) << 10) | Math.round((value / 2 ** exponent - 1) * 1024);
}

function modulate(graph, x, shift, scale, cols) {
  const ones = graph.constant('f32', [cols], new Float32Array(cols).fill(1));
  const normed = graph.node('LayerNormalization', [x, ones], { axis: -1, epsilon: { f32: EPS } });
  const factor = graph.node('Add', [scale, graph.scalar(1)]);
  return graph.node('Add', [graph.node('Mul', [normed, factor]), shift]);
}

/** x [rows, heads, d]; cos and sin [rows, d / 2]. */
function rmsRope(graph, x, { weight, cos, sin, rows, heads, d }) {
  const mean = graph.node('ReduceMean', [graph.node('Mul', [x, x])], { axes: [-1], keepdims: 1 });
  const root = graph.node('Sqrt', [graph.node('Add', [mean, graph.scalar(EPS)])]);
  const normed = graph.node('Mul', [graph.node('Div', [x, root]), weight]);
  const pairs = graph.reshape(normed, [rows, heads, d / 2, 2]);
  const [a, b] = graph.node('Split', [pairs], { axis: 3 }, 2);
  const [c, s] = [cos, sin].map((table) => graph.reshape(table, [rows, 1, d / 2, 1]));
  const first = graph.node('Sub', [graph.node('Mul', [a, c]), graph.node('Mul', [b, s])]);
  const second = graph.node('Add', [graph.node('Mul', [a, s]), graph.node('Mul', [b, c])]);
  return graph.reshape(graph.node('Concat', [first, second], { axis: 3 }), [rows, heads, d]);
}

function block(graph, { heads, d, txt, img }, tensors, feed, fixed) {
  const width = heads * d;
  const counts = { txt, img };
  const linear = (x, name) => {
    const { shape, data } = tensors[`${name}.weight`];
    const weight = fixed(`${name}.weight`, {
      dtype: 'f32',
      shape: [shape[1], shape[0]],
      data: transpose(data, shape[0], shape[1]),
    });
    return graph.node('Add', [graph.node('MatMul', [x, weight]), fixed(`${name}.bias`)]);
  };
  const [cos, sin] = ['cos', 'sin'].map((name) =>
    graph.node(
      'Split',
      [feed(name), graph.constant('i64', [2], BigInt64Array.of(BigInt(txt), BigInt(img)))],
      { axis: 0 },
      2,
    ),
  );
  const vectors = {};
  const joint = { q: [], k: [], v: [] };
  STREAMS.forEach(({ name, q, k, v, norm }, i) => {
    const rows = counts[name];
    const sizes = graph.constant('i64', [6], new BigInt64Array(6).fill(1n));
    const [shift1, scale1, gate1, shift2, scale2, gate2] = graph.node(
      'Split',
      [feed(`${name}_mod`), sizes],
      { axis: 0 },
      6,
    );
    vectors[name] = { gate1, shift2, scale2, gate2 };
    const normed = modulate(graph, feed(name), shift1, scale1, width);
    const split = (layer) => graph.reshape(linear(normed, `attn.${layer}`), [rows, heads, d]);
    for (const [part, layer] of [
      ['q', q],
      ['k', k],
    ]) {
      const weight = fixed(`attn.${norm}_${part}.weight`);
      joint[part].push(rmsRope(graph, split(layer), { weight, cos: cos[i], sin: sin[i], rows, heads, d }));
    }
    joint.v.push(split(v));
  });
  const [q, k, v] = ['q', 'k', 'v'].map((part) => graph.node('Concat', joint[part], { axis: 0 }));
  const attended = attention(graph, { q, k, v, s: txt + img, heads, d, dtype: 'f32' });
  const sizes = graph.constant('i64', [2], BigInt64Array.of(BigInt(txt), BigInt(img)));
  const parts = graph.node('Split', [attended, sizes], { axis: 0 }, 2);
  const results = STREAMS.map(({ name, out }, i) => {
    const { gate1, shift2, scale2, gate2 } = vectors[name];
    const x = graph.node('Add', [name, graph.node('Mul', [linear(parts[i], `attn.${out}`), gate1])]);
    const hidden = geluTanh(graph, linear(modulate(graph, x, shift2, scale2, width), `${name}_mlp.net.0.proj`));
    return graph.node('Add', [x, graph.node('Mul', [linear(hidden, `${name}_mlp.net.2`), gate2])]);
  });
  return graph.node('Concat', results, { axis: 0 });
}

function geluTanh(graph, x) {
  const cube = graph.node('Mul', [graph.node('Mul', [x, x]), x]);
  const inner = graph.node('Add', [x, graph.node('Mul', [cube, graph.scalar(0.044715)])]);
  const tanh = graph.node('Tanh', [graph.node('Mul', [inner, graph.scalar(Math.sqrt(2 / Math.PI))])]);
  const half = graph.node('Mul', [x, graph.scalar(0.5)]);
  return graph.node('Mul', [half, graph.node('Add', [tanh, graph.scalar(1)])]);
}
