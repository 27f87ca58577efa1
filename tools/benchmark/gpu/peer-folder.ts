import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { packageRoot } from '../machine.ts';
import { PeerSession } from '../peers.ts';
import type { StepContext, StepResult } from './step.ts';
import type { RivalPeer } from './turns.ts';

/** Where `bench/peers/carry.sh` lays peers for a bundle, and where their scripts are without any. */
const FOLDERS = ['.cache/gpu-peers', 'bench/peers'] as const;

/** The folder of peers: the one named, else the one laid out for a bundle, else the scripts alone. */
export function findPeers(named: string | undefined): string {
  if (named !== undefined) return resolve(named);
  const [carried, scripts] = FOLDERS.map((folder) => join(packageRoot(), folder));
  return existsSync(carried) ? carried : scripts;
}

/** The result of a step whose peer is not there; undefined if it is. */
export function skippedWithout({ peers }: StepContext, script: string, library: string): StepResult | undefined {
  const files = [script, `node_modules/${library}`];
  const missing = files.find((file) => !existsSync(join(peers, file)));
  if (missing === undefined) return undefined;
  return { fault: null, skipped: `not carried: ${peers} has no ${missing}`, lines: [], data: null };
}

/** A peer in a process of its own, which runs in the folder of peers. Dawn's null back end has none. */
export function peerIn({ peers, isNull }: StepContext, name: string, command: readonly string[]): RivalPeer {
  return {
    name,
    start: (scratch) => {
      if (isNull) throw new Error('the null back end is ours alone');
      return PeerSession.start({ name, command }, peers, scratch);
    },
  };
}
