import { basename } from 'node:path';
import type { Command } from 'commander';
import { toDecompose } from '../../model/pipeline/tasks.ts';
import { DEFAULT_MODEL } from '../default-model.ts';
import { designPictures, readDesignFile, readPictureFile } from '../design/design-files.ts';
import { runDesign } from './run-design.ts';
import { addRunOptions, type RunFlags } from './run-options.ts';

/** `decompose IMAGE --layout FILE`: a flat picture to layers. */
export function register(program: Command): void {
  const command = program
    .command('decompose')
    .description('take a flat picture apart into layers')
    .argument('<image>', 'PNG file')
    .requiredOption('-l, --layout <file>', 'layered-design document with a box for each layer')
    .option('-p, --prompt <text>', 'what the picture shows; helps, but is not needed')
    .option('--refine', "make edges and colours agree with the picture (default: the checkpoint's manifest decides)")
    .option('--no-refine', 'layers as the network decodes them');
  addRunOptions(command, DEFAULT_MODEL).action(
    async (image: string, flags: RunFlags & { layout: string; prompt?: string; refine?: boolean }) => {
      const { design, folder } = await readDesignFile(flags.layout);
      const uri = `input-${basename(image).replace(/[^\w.-]+/g, '-')}`;
      const picture = await readPictureFile(image);
      const pictures = designPictures(folder, new Map([[uri, picture]]));
      const { refine } = flags;
      await runDesign(toDecompose(design, uri, flags.prompt), pictures, flags, () =>
        refine === undefined ? {} : { refine },
      );
    },
  );
}
