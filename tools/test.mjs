// npm test [-- --driver system|lavapipe|swiftshader] [FILE FILTER ...] [vitest options]
//
// Runs the test suite on the best Vulkan driver at hand and ends with one line "N passed, N failed". Needs no root and
// no GPU: where there is no driver at all it sets up lavapipe in the cache folder (Debian only; not where
// LAYERLOOM_NO_SETUP is set), else the engine takes SwiftShader out of an npm package.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { register } from 'tsx/esm/api';
import { embed } from './embed-wgsl.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
register();
const { findLavapipe } = await import('../runtime/node/software-driver.ts');
const { findSystemDrivers } = await import('../runtime/node/system-drivers.ts');
const { openEngine } = await import('../runtime/node/open-engine.ts');

/** Splits `--driver NAME` or `--driver=NAME` off; the rest is vitest's. */
function parse(args) {
  const rest = [];
  let driver = process.env.LAYERLOOM_DRIVER || undefined;
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--driver') driver = args[++i];
    else if (args[i].startsWith('--driver=')) driver = args[i].slice('--driver='.length);
    else rest.push(args[i]);
  }
  return { driver, rest };
}

function setUpLavapipe() {
  if (process.platform !== 'linux' || process.arch !== 'x64' || process.env.LAYERLOOM_NO_SETUP) return;
  if (spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0) return;
  console.log('test: no Vulkan driver; setting up lavapipe in the cache folder (LAYERLOOM_NO_SETUP=1 to leave it)');
  const { status } = spawnSync('bash', [join(root, 'tools/lavapipe/setup.sh')], { stdio: 'inherit' });
  if (status !== 0) console.log('test: lavapipe could not be set up; going on without it');
}

const { driver, rest } = parse(process.argv.slice(2));
if (process.argv.at(-1) === '--driver') {
  console.error('usage: npm test -- [--driver system|lavapipe|swiftshader] [FILE FILTER ...]');
  process.exit(2);
}
embed();
if (driver) process.env.LAYERLOOM_DRIVER = driver;
const { manifests, unlisted } = findSystemDrivers();
const hasOwn = manifests.length > 0 || unlisted !== undefined || process.platform !== 'linux';
if (!findLavapipe() && (driver === 'lavapipe' || (!driver && !hasOwn))) setUpLavapipe();
let noDevice;
try {
  const engine = await openEngine();
  console.log(`test: device "${engine.info.description}"${engine.info.isSoftware ? ' (software driver)' : ''}`);
  engine.dispose();
} catch (error) {
  // Asked for by name: a run on another driver, or on none, would not be what was asked for.
  if (driver) throw error;
  noDevice = error.message;
  console.log(`test: tests that need a device are skipped: ${noDevice}`);
}
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const reporters = ['--reporter=default', `--reporter=${join(root, 'tools/count-reporter.mjs')}`];
const { status } = spawnSync(process.execPath, [vitest, 'run', ...reporters, ...rest], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, ...(noDevice && { LAYERLOOM_NO_DEVICE: noDevice }) }, // the reporter's reason for skips
});
process.exitCode = status ?? 1;
