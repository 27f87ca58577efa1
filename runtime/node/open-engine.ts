import { isMainThread } from 'node:worker_threads';
import type { TuningTable } from '../../kernels/tuning.ts';
import { isSoftwareAdapter, type AdapterChoice, type DeviceTier } from '../device.ts';
import { createEngine, type Engine } from '../engine.ts';
import { DeviceError, UsageError } from '../errors.ts';
import { openDawn, type DawnOptions } from './dawn.ts';
import {
  findLavapipe,
  preloadLibraries,
  SWIFTSHADER_PACKAGE,
  unpackSwiftShader,
  type DriverFiles,
} from './software-driver.ts';
import { findSystemDrivers } from './system-drivers.ts';

/** A rung of the ladder: what the system has, our own lavapipe, SwiftShader out of an npm package. */
export type DriverName = 'system' | 'lavapipe' | 'swiftshader';
const DRIVERS: readonly DriverName[] = ['system', 'lavapipe', 'swiftshader'];

/** How to open an engine in Node. */
export interface NodeEngineOptions {
  /** Forces one rung; default `$LAYERLOOM_DRIVER`, else the first rung that has an adapter. */
  readonly driver?: DriverName;
  /** Which adapters are acceptable; default `any`. With `gpu` the software rungs are left out. */
  readonly adapter?: AdapterChoice;
  /** Bytes of released buffers kept for reuse; default 256 MiB. */
  readonly maxIdleBytes?: number;
  /** Kernels of one tier only. */
  readonly tier?: DeviceTier;
  /** Variants to prefer, out of a tuning file: see `layerloom bench --tune`. */
  readonly tuning?: TuningTable;
  /** Toggles for Dawn. */
  readonly dawn?: Omit<DawnOptions, 'backend'>;
}

/** Dawn, opened on a driver that has an adapter. */
export interface OpenedDriver {
  readonly gpu: GPU;
  readonly driver: DriverName;
  /** Manifest of a driver that we brought; undefined for the system's own. */
  readonly manifest: string | undefined;
  /** What was tried before, and why it was left. */
  readonly refused: readonly { readonly driver: DriverName; readonly reason: string }[];
}

/**
 * Opens an engine on the best driver at hand, with no root, no installation and no variables set beforehand: the
 * system's driver (a real GPU before a software one), the lavapipe of `tools/lavapipe/setup.sh`, SwiftShader.
 *
 * @throws DeviceError `no-adapter` or `software-adapter` with a remedy; UsageError if `$LAYERLOOM_DRIVER` names no rung
 */
export async function openEngine(options: NodeEngineOptions = {}): Promise<Engine> {
  const { gpu } = await openDriver(options);
  return createEngine({
    gpu,
    ...(options.adapter && { adapter: options.adapter }),
    ...(options.maxIdleBytes !== undefined && { maxIdleBytes: options.maxIdleBytes }),
    ...(options.tier && { tier: options.tier }),
    ...(options.tuning && { tuning: options.tuning }),
  });
}

/**
 * Climbs down the ladder to the first driver with an acceptable adapter.
 *
 * @throws as openEngine does
 */
export async function openDriver(options: NodeEngineOptions = {}): Promise<OpenedDriver> {
  const forced = options.driver ?? forcedByEnvironment();
  const refused: { driver: DriverName; reason: string }[] = [];
  for (const driver of forced ? [forced] : DRIVERS) {
    if (driver !== 'system' && options.adapter === 'gpu') continue;
    try {
      return { ...(await tryDriver(driver, options, forced !== undefined)), driver, refused };
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      refused.push({ driver, reason: error.message.replace(/^engine: /, '') });
    }
  }
  const reasons = refused.map(({ driver, reason }) => `${driver}: ${reason}`).join(' ');
  throw new DeviceError(
    'no-adapter',
    options.adapter === 'gpu'
      ? `engine: a GPU was asked for, but there is none. ${reasons} Install the GPU vendor's Vulkan driver, or open the engine with { adapter: "any" }.`
      : `engine: no WebGPU adapter. ${reasons} Install a Vulkan driver, or a software one: npm install ${SWIFTSHADER_PACKAGE}.${
          isMainThread
            ? ''
            : ' In a worker thread: open an engine in the main thread, or start the worker with SHARE_ENV.'
        }`,
  );
}

function forcedByEnvironment(): DriverName | undefined {
  const name = process.env.LAYERLOOM_DRIVER;
  if (!name) return undefined;
  const known = DRIVERS.find((driver) => driver === name);
  if (!known) throw new UsageError(`engine: LAYERLOOM_DRIVER is one of ${DRIVERS.join(', ')}, got "${name}".`);
  return known;
}

async function tryDriver(
  driver: DriverName,
  options: NodeEngineOptions,
  forced: boolean,
): Promise<{ gpu: GPU; manifest: string | undefined }> {
  if (driver === 'system') return { gpu: await trySystem(options, forced), manifest: undefined };
  let files: DriverFiles | undefined;
  if (driver === 'swiftshader') files = await unpackSwiftShader();
  else files = findLavapipe();
  if (!files)
    throw new DeviceError('no-adapter', 'engine: not set up. Set it up: npm run setup:lavapipe (Debian, no root).');
  preloadLibraries(files);
  return { gpu: await probe(options, files.manifest), manifest: files.manifest };
}

async function trySystem(options: NodeEngineOptions, forced: boolean): Promise<GPU> {
  if (process.platform !== 'linux') return probe(options);
  const { manifests, unlisted } = findSystemDrivers();
  // Without a manifest Vulkan finds no driver and says so at length on stderr; the next rung is sure to be wanted.
  if (manifests.length === 0 && !unlisted && !forced)
    throw new DeviceError('no-adapter', 'engine: no Vulkan driver is installed.');
  try {
    return await probe(options, manifests.length === 0 ? unlisted : undefined);
  } catch (error) {
    if (!(error instanceof DeviceError) || error.fault !== 'no-adapter') throw error;
    // GPU hosts often have the driver and no loader: ours serves it as well.
    const brought = findLavapipe() ?? (await unpackSwiftShader().catch(() => undefined));
    if (!brought) throw error;
    preloadLibraries({ loader: brought.loader, libraries: [] });
    return probe(options, unlisted);
  }
}

/** Opens Dawn, with `manifest` as the only driver if given, and asks for an adapter once. */
async function probe(options: NodeEngineOptions, manifest?: string): Promise<GPU> {
  const variables = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES'] as const; // the second is what older loaders read
  const before = variables.map((name) => process.env[name]);
  try {
    if (manifest) for (const name of variables) process.env[name] = manifest;
    const gpu = await openDawn(options.dawn);
    // Dawn reads the variables at its first adapter, so they need not outlive this call.
    const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
    if (!adapter) throw new DeviceError('no-adapter', `engine: the Vulkan driver offers no adapter.`);
    if (options.adapter === 'software' && !isSoftwareAdapter(adapter.info))
      throw new DeviceError('software-adapter', `engine: "${adapter.info.description}" is no software driver.`);
    if (options.adapter === 'gpu' && isSoftwareAdapter(adapter.info))
      throw new DeviceError('software-adapter', `engine: "${adapter.info.description}" is a software driver.`);
    return gpu;
  } finally {
    for (const [index, name] of variables.entries()) {
      const value = before[index];
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
