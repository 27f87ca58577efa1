// npm run build:page, or `vite dev bench/page` while working on the page (after npm run embed).
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { describeSource } from '../../tools/benchmark/machine.ts';

/** Vite would leave a module of Node's out and let the page fail where it is used: here the build fails. */
const refuseNode: Plugin = {
  name: 'refuse-node',
  enforce: 'pre',
  resolveId(id, importer) {
    if (id.startsWith('node:')) this.error(`the page cannot have "${id}", which ${importer ?? 'the page'} imports`);
  },
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './', // whatever folder of a server it is put into
  define: { LAYERLOOM_SOURCE: JSON.stringify(describeSource()) },
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
  },
  plugins: [refuseNode],
});
