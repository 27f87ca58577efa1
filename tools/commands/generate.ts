import type { Command } from 'commander';
import { toGenerate } from '../../model/pipeline/tasks.ts';
import { DEFAULT_MODEL } from '../default-model.ts';
import { designPictures, readDesignFile } from '../design/design-files.ts';
import { runDesign } from './run-design.ts';
import { addRunOptions, type RunFlags } from './run-options.ts';

/** `generate PROMPT --layout FILE`: text to layers. */
export function register(program: Command): void {
  const command = program
    .command('generate')
    .description('make layers from a prompt and boxes')
    .argument('<prompt>', 'what the whole picture shows')
    .requiredOption('-l, --layout <file>', 'layered-design document with a box for each layer');
  addRunOptions(command, DEFAULT_MODEL).action(async (prompt: string, flags: RunFlags & { layout: string }) => {
    const { design, folder } = await readDesignFile(flags.layout);
    await runDesign(toGenerate(design, prompt), designPictures(folder), flags);
  });
}
