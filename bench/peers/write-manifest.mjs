// Writes peers.json of a folder that setup.sh made: how each installed peer is started. Called by setup.sh only.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { PEERS_WANTED = '', PEERS_FOLDER = '.', PEERS_TORCH = '' } = process.env;
const wants = (name) => PEERS_WANTED.includes(` ${name} `);
const peers = [];
const node = (name, ...command) => peers.push({ name, command: ['node', ...command] });

if (wants('ort')) {
  node('ort-webgpu', 'ort.mjs', 'webgpu');
  node('ort-cpu', 'ort.mjs', 'cpu');
}
if (wants('jax-js')) node('jax-js', 'jax-js.mjs');
if (wants('tfjs')) node('tfjs', 'tfjs.mjs');
if (wants('tinygrad')) {
  // tinygrad does not find the library of dawn-python by itself.
  const lib = join(PEERS_FOLDER, 'venv/lib');
  const library = readdirSync(lib)
    .map((version) => join(lib, version, 'site-packages/pydawn/lib/libwebgpu_dawn_x86_64.so'))
    .find(existsSync);
  const env = { DEV: 'WEBGPU', ...(library && { WEBGPU_PATH: library }) };
  peers.push({ name: 'tinygrad', command: [join(PEERS_FOLDER, 'venv/bin/python'), 'tinygrad_peer.py'], env });
}
if (wants('torch')) {
  peers.push({ name: 'torch-cpu', command: [PEERS_TORCH, 'torch_peer.py', 'cpu'] });
  const { status } = spawnSync(PEERS_TORCH, ['-c', 'import torch, sys; sys.exit(not torch.cuda.is_available())']);
  if (status === 0) peers.push({ name: 'torch-cuda', command: [PEERS_TORCH, 'torch_peer.py', 'cuda'] });
}
writeFileSync(join(PEERS_FOLDER, 'peers.json'), `${JSON.stringify({ peers }, null, 2)}\n`);
console.error(`peers: ${peers.map(({ name }) => name).join(', ')} in ${PEERS_FOLDER}`);
