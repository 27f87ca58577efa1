import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where GPU hosts put NVIDIA's manifest without telling the Vulkan loader. */
const NVIDIA_ELSEWHERE = '/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json';

/** Vulkan drivers that the system or the caller's environment offers. */
export interface SystemDrivers {
  /** Manifests found, in the Vulkan loader's order; empty where there is none or another API is used. */
  readonly manifests: readonly string[];
  /** A manifest that lies where the Vulkan loader does not look, to be named in VK_DRIVER_FILES. */
  readonly unlisted: string | undefined;
}

/**
 * Lists driver manifests by the Vulkan loader's own rules (LoaderDriverInterface.md, "Linux Driver Discovery"): three
 * variables first, then `vulkan/icd.d` below the XDG and system folders.
 */
export function findSystemDrivers(env: NodeJS.ProcessEnv = process.env, nvidia = NVIDIA_ELSEWHERE): SystemDrivers {
  const named = env.VK_DRIVER_FILES || env.VK_ICD_FILENAMES;
  if (named) return { manifests: split(named), unlisted: undefined };
  const home = env.HOME || homedir();
  const roots = [
    env.XDG_CONFIG_HOME || join(home, '.config'),
    ...split(env.XDG_CONFIG_DIRS || '/etc/xdg'),
    '/usr/local/etc',
    '/etc',
    env.XDG_DATA_HOME || join(home, '.local', 'share'),
    ...split(env.XDG_DATA_DIRS || '/usr/local/share:/usr/share'),
  ];
  const manifests = split(env.VK_ADD_DRIVER_FILES ?? '');
  for (const root of roots) {
    const folder = join(root, 'vulkan', 'icd.d');
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder).sort()) if (name.endsWith('.json')) manifests.push(join(folder, name));
  }
  const hasNvidia = manifests.some((path) => path.includes('nvidia'));
  return { manifests, unlisted: !hasNvidia && existsSync(nvidia) ? nvidia : undefined };
}

function split(list: string): string[] {
  return list.split(':').filter((part) => part !== '');
}
