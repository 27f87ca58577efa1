// The protocol that peers speak: a line of JSON on stdin, a line of JSON on file descriptor 3. tools/benchmark/peers.ts is
// the other end.
//   {prepare: task, inputs}  -> {coldMs} after a first run, or {unsupported: reason}
//   {result: file}           -> {} once the first result is in the file, f32
//   {sample: ms}             -> {runs, ms} of back-to-back runs with one wait at the end
//   {release: true}          -> {}
// Any failure -> {error}.
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const MAX_RUNS = 1024;
// Runs before the first sample: jits capture within two; more while they are short.
const WARM_RUNS = 4;
const WARM_MS = 2000;

/**
 * Answers until stdin closes.
 *
 * @param {string} version what this peer is
 * @param {(task: object, tensors: object) => Promise<object | string>} prepare gives { run, wait, read, release }, or the
 *   reason why the task cannot be run. run() may return before the work is done, wait() is when it is; read() gives the
 *   result of a run as f32 in the order that the task says.
 */
export async function serve(version, prepare) {
  const reply = (value) => writeSync(3, `${JSON.stringify(value)}\n`);
  reply({ ready: version });
  let job;
  let runMs = 100;
  const runFor = async (runs) => {
    const start = performance.now();
    for (let i = 0; i < runs; i++) await job.run();
    await job.wait();
    const ms = performance.now() - start;
    runMs = ms / runs;
    return ms;
  };
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      const command = JSON.parse(line);
      if (command.prepare) {
        const tensors = loadTensors(command.inputs);
        const start = performance.now();
        const made = await prepare(command.prepare, tensors);
        if (typeof made === 'string') {
          reply({ unsupported: made });
          continue;
        }
        job = made;
        await runFor(1);
        const coldMs = performance.now() - start;
        job.first = await job.read();
        await runFor(2);
        if (2 * runMs < WARM_MS) await runFor(WARM_RUNS - 2);
        reply({ coldMs });
      } else if (command.result) {
        const values = job.first;
        writeFileSync(command.result, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
        reply({});
      } else if (command.sample) {
        const runs = Math.min(MAX_RUNS, Math.max(1, Math.round(command.sample / runMs)));
        reply({ runs, ms: await runFor(runs) });
      } else if (command.release) {
        await job?.release();
        job = undefined;
        reply({});
      }
    } catch (error) {
      reply({ error: String(error?.message ?? error).split('\n')[0] });
    }
  }
  process.exit(0);
}

function loadTensors(inputs) {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, { file, dtype, shape }]) => {
      const { buffer, byteOffset, byteLength } = readFileSync(file);
      const bytes = buffer.slice(byteOffset, byteOffset + byteLength);
      return [name, { dtype, shape, data: dtype === 'f16' ? new Uint16Array(bytes) : new Float32Array(bytes) }];
    }),
  );
}

/** f32 of each f16 code. */
const HALVES = Float32Array.from({ length: 65536 }, (_, half) => {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
});

/** f16 codes as f32: by table, results of products have a hundred million. */
export function widen(codes) {
  const out = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = HALVES[codes[i]];
  return out;
}

/** [rows, columns] -> [columns, rows] of a typed array; also pixels x channels -> channels x pixels. */
export function transpose(data, rows, columns) {
  const out = new data.constructor(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c];
  return out;
}

/** A stream's linear layers and norms in the block's tensors. */
export const STREAMS = [
  { name: 'txt', q: 'add_q_proj', k: 'add_k_proj', v: 'add_v_proj', out: 'to_add_out', norm: 'norm_added' },
  { name: 'img', q: 'to_q', k: 'to_k', v: 'to_v', out: 'to_out.0', norm: 'norm' },
];
