// node bench/page/serve.mjs [PORT]: serves the bench page and dist/ on this machine only.
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript' };
const SERVED = /^\/(dist|bench\/page)\//;

if (!existsSync(join(root, 'dist/tools/benchmark/browser.js'))) {
  console.error('dist/ is missing or old: npm run build');
  process.exit(1);
}
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname === '/') {
    response.writeHead(302, { location: '/bench/page/index.html' }).end();
    return;
  }
  const path = normalize(decodeURIComponent(pathname));
  const file = join(root, path);
  if (!SERVED.test(path) || !existsSync(file) || !statSync(file).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
  createReadStream(file).pipe(response);
});
server.listen(Number(process.argv[2] ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
