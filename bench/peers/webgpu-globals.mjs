// Makes Node look like a browser with WebGPU, for libraries that read globals. Import it before them.
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
const gpu = create([]);
Object.defineProperty(globalThis, 'navigator', {
  value: { gpu, userAgent: 'node', platform: 'linux', hardwareConcurrency: 1 },
  configurable: true,
});
