import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { once } from '../once.ts';

/** What the C++ addon (runtime/native) offers. Each function has a TypeScript twin that gives the same result. */
export interface NativeAddon {
  /**
   * A read-only window of a file, mapped: `length` bytes from `offset` on, at any alignment, 1..4 GiB - 64 KiB. The
   * mapping lives as long as the array. Writing to it would end the process. Twin: `fileSource` without `map`.
   */
  mapFile(path: string, offset: number, length: number): Uint8Array;
  /** Twin: `bf16ToF32` of runtime/safetensors/convert.ts. */
  bf16ToF32(codes: Uint16Array): Float32Array;
  /** Twin: `f16ToF32`. */
  f16ToF32(codes: Uint16Array): Float32Array;
  /** Twin: `f32ToF16`. */
  f32ToF16(values: Float32Array): Uint16Array;
  /** Twin: `f32ToBf16`. */
  f32ToBf16(values: Float32Array): Uint16Array;
  /** Twin: `bf16ToF16`. */
  bf16ToF16(codes: Uint16Array): Uint16Array;
}

/** Of the addon that this code was written for; an older build that npm left behind is not loaded. */
export const NATIVE_VERSION = 1;

/**
 * The native addon, or undefined where it was not built (or LAYERLOOM_NO_NATIVE is set): everything works without it.
 */
export const loadNative: () => NativeAddon | undefined = once(() => {
  if (process.env.LAYERLOOM_NO_NATIVE === '1') return undefined;
  const path = nativePath();
  if (path === undefined) return undefined;
  try {
    const addon = createRequire(import.meta.url)(path) as NativeAddon & { version?: number };
    return addon.version === NATIVE_VERSION ? addon : undefined;
  } catch {
    return undefined; // built for another Node, libc or machine
  }
});

/** Where the built addon lies: beside the nearest binding.gyp above this module (source tree and dist/ alike). */
export function nativePath(): string | undefined {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'binding.gyp'))) {
      const path = join(folder, 'build', 'Release', 'layerloom.node');
      return existsSync(path) ? path : undefined;
    }
    if (dirname(folder) === folder) return undefined;
  }
}
