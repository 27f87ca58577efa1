// A writer of ONNX models: the few messages of onnx.proto that graphs with constant weights need, encoded as protocol
// buffers by hand, so that no package is needed. Field numbers: onnx.proto3 of ONNX 1.x.

const FLOAT = 1;
const FLOAT16 = 10;
const INT64 = 7;

/** Growing list of encoded pieces. */
class Message {
  constructor() {
    this.pieces = [];
  }
  varint(field, value) {
    this.pieces.push(varint(field << 3), varint(value));
    return this;
  }
  float(field, value) {
    this.pieces.push(varint((field << 3) | 5), new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }
  bytes(field, bytes) {
    this.pieces.push(varint((field << 3) | 2), varint(bytes.byteLength), bytes);
    return this;
  }
  text(field, text) {
    return this.bytes(field, new TextEncoder().encode(text));
  }
  message(field, message) {
    return this.bytes(field, message.encode());
  }
  encode() {
    const out = new Uint8Array(this.pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
    let at = 0;
    for (const piece of this.pieces) {
      out.set(piece, at);
      at += piece.byteLength;
    }
    return out;
  }
}

function varint(value) {
  let rest = BigInt.asUintN(64, BigInt(value));
  const out = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    out.push(rest > 0n ? low | 128 : low);
  } while (rest > 0n);
  return Uint8Array.from(out);
}

const bytesOf = (data) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
const typeOf = (dtype) => (dtype === 'f16' ? FLOAT16 : dtype === 'i64' ? INT64 : FLOAT);

/** A graph that is built node by node; values are known by their names. */
export class OnnxGraph {
  constructor() {
    this.graph = new Message();
    this.count = 0;
    this.domains = new Set();
  }

  fresh(prefix) {
    return `${prefix}_${this.count++}`;
  }

  /** A graph input. */
  input(name, dtype, shape) {
    this.graph.message(11, valueInfo(name, dtype, shape));
    return name;
  }

  /** A constant (initializer). */
  constant(dtype, shape, data, name = this.fresh('const')) {
    const tensor = new Message();
    for (const size of shape) tensor.varint(1, size);
    tensor.varint(2, typeOf(dtype)).text(8, name).bytes(9, bytesOf(data));
    this.graph.message(5, tensor);
    return name;
  }

  scalar(value) {
    return this.constant('f32', [], Float32Array.of(value));
  }

  /** One node; returns its output's name, or the names of `outputs` outputs. Domain: of ONNX itself, or a vendor's. */
  node(op, inputs, attributes = {}, outputs = 1, domain = '') {
    const names = Array.from({ length: outputs }, () => this.fresh(op));
    const node = new Message();
    for (const input of inputs) node.text(1, input);
    for (const name of names) node.text(2, name);
    node.text(4, op);
    if (domain) {
      node.text(7, domain);
      this.domains.add(domain);
    }
    for (const [name, value] of Object.entries(attributes)) node.message(5, attribute(name, value));
    this.graph.message(1, node);
    return outputs === 1 ? names[0] : names;
  }

  reshape(x, shape) {
    return this.node('Reshape', [x, this.constant('i64', [shape.length], BigInt64Array.from(shape, BigInt))]);
  }

  /** Marks a value as the graph's output under a name of its own. */
  output(value, name, dtype, shape) {
    const node = new Message().text(1, value).text(2, name).text(4, 'Identity');
    this.graph.message(1, node);
    this.graph.message(12, valueInfo(name, dtype, shape));
  }

  /** Bytes of the model: opset 17, the first of vendors' domains, IR version 9. */
  encode() {
    this.graph.text(2, 'bench');
    const opset = (domain, version) => new Message().text(1, domain).varint(2, version);
    const model = new Message()
      .varint(1, 9)
      .text(2, 'layerloom bench')
      .message(7, this.graph)
      .message(8, opset('', 17));
    for (const domain of this.domains) model.message(8, opset(domain, 1));
    return model.encode();
  }
}

/** Whole numbers are ints, a number with `f32` is a float, lists are ints. */
function attribute(name, value) {
  const message = new Message().text(1, name);
  if (Array.isArray(value)) {
    for (const entry of value) message.varint(8, entry);
    return message.varint(20, 7);
  }
  if (typeof value === 'object') return message.float(2, value.f32).varint(20, 1);
  return message.varint(3, value).varint(20, 2);
}

function valueInfo(name, dtype, shape) {
  const dims = new Message();
  for (const size of shape) dims.message(1, new Message().varint(1, size));
  const tensor = new Message().varint(1, typeOf(dtype)).message(2, dims);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}
