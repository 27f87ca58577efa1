import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PeerSession } from '../peers.ts';
import type { StepContext } from './step.ts';
import type { RivalPeer } from './turns.ts';

/**
 * The Python with torch to run beside: the one named, else python3.
 *
 * @param scripts folder of the peers' scripts
 * @param anyDevice take a torch without CUDA too: for dry runs
 */
export function findTorch(named: string | undefined, scripts: string, anyDevice: boolean): StepContext['torch'] {
  if (!existsSync(join(scripts, 'torch_large.py'))) return { absent: `not carried: ${scripts} has no torch_large.py` };
  const python = named ?? 'python3';
  const probe = 'import torch, numpy; print("cuda" if torch.cuda.is_available() else "cpu")';
  const { status, stdout } = spawnSync(python, ['-c', probe], { encoding: 'utf8' });
  if (status !== 0) return { absent: `${python} has no torch` };
  if (stdout.trim() !== 'cuda' && !anyDevice) return { absent: `torch of ${python} sees no CUDA device` };
  return { python, scripts };
}

/** torch on CUDA, on the CPU in dry runs: torch_large.py, which keeps what a row made ready. */
export function torchPeer({ torch }: StepContext): RivalPeer {
  return {
    name: 'torch',
    start: (scratch) => {
      if ('absent' in torch) throw new Error(torch.absent);
      const { python, scripts } = torch;
      const probe = 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")';
      const device = spawnSync(python, ['-c', probe], { encoding: 'utf8' }).stdout.trim();
      const command = [python, 'torch_large.py', device];
      return PeerSession.start({ name: `torch-${device}`, command }, scripts, scratch);
    },
  };
}
