import { readdirSync, readFileSync } from 'node:fs';

/**
 * CPU milliseconds that a process's live threads have used so far; null where the system does not tell (only Linux does).
 *
 * On a CPU driver this is the work itself: other load on the machine stretches wall time, and hardly this.
 */
export function processCpuMs(pid: number): number | null {
  try {
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`))
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    return nanoseconds / 1e6;
  } catch {
    return null; // another system, or a thread that ended meanwhile
  }
}
