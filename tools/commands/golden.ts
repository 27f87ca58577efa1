import { Option } from 'commander';
import type { Command } from 'commander';

import type { DeviceTier } from '../../runtime/device.ts';
import { EXIT } from '../exit-codes.ts';
import type { GoldenPrecision } from '../golden/contract.ts';
import { goldenCommand } from '../golden/golden-command.ts';
import { withInterrupt } from '../interrupt.ts';

interface GoldenFlags {
  readonly files?: string[];
  readonly json?: boolean;
  readonly filter?: string;
  readonly kind?: string;
  readonly precision: GoldenPrecision;
  readonly tier?: DeviceTier;
}

/** `golden ROOT... --files DIR...`: compares the engine with golden tensors, and its readers with valid and hostile files. */
export function register(program: Command): void {
  program
    .command('golden')
    .description('compare the engine with golden tensors of the reference implementations')
    .argument('[roots...]', 'folders that hold cases/ (and usually models/)')
    .option('--files <dirs...>', 'folders of valid and hostile files')
    .option('--json', 'print one JSON document instead of lines')
    .option('--filter <text>', 'only cases whose id holds this text')
    .option('--kind <kind>', 'only cases of this kind')
    .addOption(
      new Option('--precision <dtype>', 'arithmetic of weights and bounded activations')
        .choices(['f32', 'f16'])
        .default('f32'),
    )
    .addOption(
      new Option('--tier <tier>', 'kernels of one tier only; T2 (matrix units) computes products in f16').choices([
        'T0',
        'T1',
        'T2',
      ]),
    )
    .action(async (roots: string[], flags: GoldenFlags) => {
      const output = {
        out: (line: string) => console.log(line),
        err: (line: string) => console.error(line),
      };
      const isGood = await withInterrupt((signal) => goldenCommand({ roots, ...flags, signal }, output));
      if (!isGood) process.exitCode = EXIT.failed;
    });
}
