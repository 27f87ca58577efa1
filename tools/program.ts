import { Command, CommanderError } from 'commander';

import { LayerloomError } from '../runtime/errors.ts';
import { register as registerBench } from './commands/bench.ts';
import { register as registerDecompose } from './commands/decompose.ts';
import { register as registerDemo } from './commands/demo.ts';
import { register as registerDoctor } from './commands/doctor.ts';
import { register as registerEdit } from './commands/edit.ts';
import { register as registerEval } from './commands/eval.ts';
import { register as registerGenerate } from './commands/generate.ts';
import { register as registerGolden } from './commands/golden.ts';
import { register as registerInspect } from './commands/inspect.ts';
import { register as registerStudy } from './commands/study.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';

/** The command line tool with all its commands, not yet run. */
export function createProgram(): Command {
  const program = new Command('layerloom')
    .description('layered images from text, pictures and designs, on WebGPU')
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride();
  registerDemo(program);
  registerGenerate(program);
  registerDecompose(program);
  registerEdit(program);
  registerInspect(program);
  registerEval(program);
  registerStudy(program);
  registerDoctor(program);
  registerBench(program);
  registerGolden(program);
  return program;
}

/**
 * Runs the tool.
 *
 * @param args arguments after the program's name
 * @returns the exit code
 */
export async function main(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync([...args], { from: 'user' });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage; // it has printed its message
    const message = error instanceof Error ? error.message : String(error);
    console.error(`layerloom: ${message.split('\n').join(' ')}`);
    // A fault of ours, not of the input: where it happened is what helps.
    if (!(error instanceof LayerloomError) && exitCodeOf(error) === EXIT.failed && error instanceof Error) {
      console.error(error.stack);
    }
    return exitCodeOf(error);
  }
}
