import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { freemem, totalmem } from 'node:os';
import { cases as attention } from '../../kernels/attention/attention.cases.ts';
import type { DeviceFacts } from '../../kernels/facts.ts';
import { cases as matmul } from '../../kernels/matmul/matmul.cases.ts';
import { cases as rmsNorm } from '../../kernels/rms-norm/rms-norm.cases.ts';
import type { DeviceInfo } from '../../runtime/device.ts';
import { createEngine } from '../../runtime/engine.ts';
import { DeviceError } from '../../runtime/errors.ts';
import { cacheFolder } from '../../runtime/node/cache-folder.ts';
import { loadNative, nativePath } from '../../runtime/node/native.ts';
import { openDriver, type DriverName, type OpenedDriver } from '../../runtime/node/open-engine.ts';
import { findLavapipe } from '../../runtime/node/software-driver.ts';
import { findSystemDrivers } from '../../runtime/node/system-drivers.ts';
import { checkKernel, type KernelCheck } from './check-kernel.ts';

/** Everything that decides whether and how the engine runs on this machine. */
export interface Diagnosis {
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly memory: { readonly totalBytes: number; readonly freeBytes: number };
  readonly dawn: string;
  /** Vulkan drivers that the system itself has. */
  readonly systemDrivers: readonly string[];
  readonly cacheFolder: string;
  /** Version of the lavapipe in the cache folder, or null. */
  readonly lavapipe: string | null;
  readonly addon: 'loaded' | 'not built' | 'built, but not loadable or switched off';
  /** The driver that was opened, or null where there is none. */
  readonly driver: DriverName | null;
  readonly refused: OpenedDriver['refused'];
  readonly device: DeviceInfo | null;
  readonly facts: DeviceFacts | null;
  readonly features: readonly string[];
  readonly kernels: readonly KernelCheck[];
  /** Why there is no device, or null. */
  readonly fault: string | null;
  readonly advice: readonly string[];
}

/** Tiers of the design: which kernels a device can run. */
export function tierOf(facts: DeviceFacts): 'T0' | 'T1' | 'T2' {
  if (facts.matrixConfigs.length > 0 && facts.f16 && facts.subgroups) return 'T2';
  return facts.f16 && facts.subgroups ? 'T1' : 'T0';
}

/** Opens a device as the engine would, runs three kernels on it against their references, and says what would help. */
export async function diagnose(): Promise<Diagnosis> {
  const machine = {
    version: ownVersion(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    memory: { totalBytes: totalmem(), freeBytes: freemem() },
    dawn: dawnVersion(),
    systemDrivers: process.platform === 'linux' ? findSystemDrivers().manifests : [],
    cacheFolder: cacheFolder(),
    lavapipe: findLavapipe()?.version ?? null,
    addon: addonState(),
  };
  let opened: OpenedDriver;
  try {
    opened = await openDriver();
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    const nothing = { driver: null, refused: [], device: null, facts: null, features: [], kernels: [] };
    return { ...machine, ...nothing, fault: error.message, advice: adviceWithoutDevice() };
  }
  const engine = await createEngine({ gpu: opened.gpu });
  try {
    const kernels: KernelCheck[] = [];
    for (const cases of [rmsNorm, matmul, attention]) kernels.push(await checkKernel(engine, cases));
    return {
      ...machine,
      driver: opened.driver,
      refused: opened.refused,
      device: engine.info,
      facts: engine.facts,
      features: [...engine.device.features].sort(),
      kernels,
      fault: null,
      advice: adviceFor(engine.facts, opened.driver, kernels),
    };
  } finally {
    engine.dispose();
  }
}

function ownVersion(): string {
  // Beside this file's folder in the sources, one folder further up in dist/.
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === 'layerloom' && version) return version;
    } catch {
      // Not there: the next one.
    }
  }
  return 'unknown';
}

function dawnVersion(): string {
  try {
    return (createRequire(import.meta.url)('webgpu/package.json') as { version: string }).version;
  } catch {
    return 'not installed';
  }
}

function addonState(): Diagnosis['addon'] {
  if (loadNative()) return 'loaded';
  return nativePath() === undefined ? 'not built' : 'built, but not loadable or switched off';
}

function adviceWithoutDevice(): string[] {
  return [
    "With a GPU: install its vendor's Vulkan driver (in a container: with the `graphics` capability).",
    'Without one: npm install @sparticuz/chromium@147.0.0 brings a software driver for Linux on x86-64.',
    'From a clone on Debian: npm run setup:lavapipe sets up a faster one, with no root.',
  ];
}

function adviceFor(facts: DeviceFacts, driver: DriverName, kernels: readonly KernelCheck[]): string[] {
  const advice: string[] = [];
  if (kernels.some(({ fault }) => fault !== null))
    advice.push('A kernel gives wrong results on this driver: do not trust its pictures. Update the driver.');
  if (facts.kind === 'software') {
    advice.push(
      'A software driver: right for tests and for small checkpoints, not for the 20B models. Those want a GPU: their weights are about 41 GB in bf16, the text encoder takes another 16 GB.',
    );
    if (driver === 'swiftshader')
      advice.push(
        'SwiftShader has no f16. From a clone on Debian: npm run setup:lavapipe (no root) is faster and has it.',
      );
  } else if (!facts.f16) {
    advice.push(
      'The GPU or its driver lacks shader-f16: f16 weights are unpacked in f32 arithmetic. Update the driver.',
    );
  }
  return advice;
}
