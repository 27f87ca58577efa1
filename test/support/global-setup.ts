import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Embeds the shaders before any test runs, so that no stale copy can be tested. */
export default function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../tools/embed-wgsl.mjs', import.meta.url))]);
}
