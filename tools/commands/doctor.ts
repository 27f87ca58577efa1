import type { Command } from 'commander';
import { diagnose } from '../doctor/diagnosis.ts';
import { diagnosisLines } from '../doctor/print-diagnosis.ts';
import { EXIT } from '../exit-codes.ts';

/** `doctor`: device, driver, features and limits, three kernels against their references, and what would help. */
export function register(program: Command): void {
  program
    .command('doctor')
    .description('say what the engine finds on this machine, check three kernels, and say what would help')
    .option('--json', 'print one JSON document instead of lines')
    .action(async (flags: { json?: boolean }) => {
      const diagnosis = await diagnose();
      console.log(flags.json ? JSON.stringify(diagnosis, null, 2) : diagnosisLines(diagnosis).join('\n'));
      if (diagnosis.device === null) process.exitCode = EXIT.noDevice;
      else if (diagnosis.kernels.some(({ fault }) => fault !== null)) process.exitCode = EXIT.failed;
    });
}
