// The package's install script: tries to compile the native addon (runtime/native) and never fails the install, because
// everything works without it. `--force` (npm run build:native) fails loudly instead. LAYERLOOM_SKIP_NATIVE=1 skips it.
//
// It uses the node-gyp that npm brings along and goes to no network: headers come from --nodedir, from the folder of
// this Node (or from /usr), or not at all.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Path of npm's own node-gyp, or undefined. */
export function findNodeGyp(env = process.env, execPath = process.execPath) {
  const candidates = [env.npm_config_node_gyp];
  // npm sets npm_execpath for scripts; without npm around, look where Node's own npm lies
  const npmCli = env.npm_execpath;
  if (npmCli) candidates.push(join(dirname(npmCli), '..', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'));
  for (const lib of [join(dirname(execPath), '..', 'lib'), dirname(execPath), '/usr/share', '/usr/lib'])
    candidates.push(join(lib, 'node_modules', 'npm', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'));
  return candidates.find((path) => path && existsSync(path));
}

/** A folder with include/node/node_api.h that belongs to this Node, or undefined. */
export function findNodeHeaders(env = process.env, execPath = process.execPath) {
  const candidates = [
    env.npm_config_nodedir,
    env.npm_package_config_node_gyp_nodedir,
    join(dirname(execPath), '..'),
    '/usr',
  ];
  return candidates.find(
    (folder) =>
      folder &&
      (existsSync(join(folder, 'include', 'node', 'node_api.h')) || existsSync(join(folder, 'src', 'node_api.h'))),
  );
}

/** Compiles. @returns undefined, or why there is no addon. */
export function buildNative(options = {}) {
  const env = options.env ?? process.env;
  if (env.LAYERLOOM_SKIP_NATIVE === '1' && !options.force) return 'skipped (LAYERLOOM_SKIP_NATIVE=1)';
  const nodeGyp = findNodeGyp(env);
  if (nodeGyp === undefined) return 'npm brings no node-gyp';
  try {
    createRequire(join(root, 'package.json')).resolve('node-addon-api');
  } catch {
    return 'node-addon-api is not installed';
  }
  const headers = findNodeHeaders(env);
  if (headers === undefined)
    return 'no headers of Node.js found (set npm_config_nodedir to a folder that has include/node)';
  const args = [nodeGyp, 'rebuild', `--nodedir=${headers}`, '--release'];
  const result = spawnSync(process.execPath, args, {
    cwd: root,
    env: { ...env, npm_config_loglevel: options.verbose ? 'info' : 'error' },
    encoding: 'utf8',
    stdio: options.verbose ? 'inherit' : 'pipe',
    timeout: 300_000,
  });
  if (result.status === 0) return undefined;
  const output = `${result.stdout ?? ''}\n${result.stderr ?? ''}`;
  const line = output.split('\n').find((text) => /error|not found|could not find/i.test(text));
  return (line ?? result.error?.message ?? `node-gyp ended with ${result.status ?? result.signal}`)
    .trim()
    .slice(0, 160);
}

function main() {
  const force = process.argv.includes('--force');
  const reason = buildNative({ force, verbose: force });
  if (reason === undefined) console.log('layerloom: native addon built');
  else {
    console.log(`layerloom: no native addon (${reason}); everything works without it`);
    if (force) process.exitCode = 1;
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    main();
  } catch (error) {
    // whatever happens here must not break the install of an app
    console.log(
      `layerloom: no native addon (${error instanceof Error ? error.message : String(error)}); everything works without it`,
    );
    if (process.argv.includes('--force')) process.exitCode = 1;
  }
}
