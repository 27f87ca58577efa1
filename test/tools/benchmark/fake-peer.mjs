// A peer for tests: node fake-peer.mjs right|wrong|dies|mute. Products only, on the host.
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const manner = process.argv[2];
if (manner === 'mute') process.exit(7);
console.log('noise on stdout without a protocol');
const reply = (value) => writeSync(3, `${JSON.stringify(value)}\n`);
reply({ ready: `fake ${manner}` });
let out;
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.prepare) {
    const { kind, m, n, k } = command.prepare;
    if (kind !== 'matmul') {
      reply({ unsupported: `no function for ${kind}` });
      continue;
    }
    const read = ({ file }) => {
      const bytes = readFileSync(file);
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    };
    const [x, w] = [read(command.inputs.x), read(command.inputs.w)];
    out = new Float32Array(m * n);
    for (let r = 0; r < m; r++)
      for (let c = 0; c < n; c++) for (let i = 0; i < k; i++) out[r * n + c] += x[r * k + i] * w[i * n + c];
    if (manner === 'wrong') out[1] += 1;
    reply({ coldMs: 5 });
  } else if (command.result) {
    writeFileSync(command.result, new Uint8Array(out.buffer));
    reply({});
  } else if (command.sample) {
    if (manner === 'dies') process.exit(3);
    reply({ runs: 4, ms: 8 });
  } else reply({});
}
