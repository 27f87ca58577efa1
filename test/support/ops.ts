import { readdirSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import type { OpCases } from '../../kernels/cases.ts';

const KERNELS = fileURLToPath(new URL('../../kernels', import.meta.url));

/** Every op's cases: found by listing the folder, so none can be forgotten. */
export async function allOpCases(): Promise<OpCases[]> {
  const found: OpCases[] = [];
  for (const name of readdirSync(KERNELS).sort()) {
    const path = join(KERNELS, name, `${name}.cases.ts`);
    if (!existsSync(path)) continue;
    const module = (await import(path)) as { cases: OpCases };
    found.push(module.cases);
  }
  return found;
}
