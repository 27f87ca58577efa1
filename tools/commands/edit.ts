import { basename } from 'node:path';
import { type Command } from 'commander';
import type { Box } from '../../model/layout/design-schema.ts';
import { toAdd, toRestyle } from '../../model/pipeline/tasks.ts';
import type { Picture } from '../../model/pipeline/picture.ts';
import { UsageError } from '../../runtime/errors.ts';
import { DEFAULT_MODEL } from '../default-model.ts';
import { designPictures, readDesignFile, readPictureFile } from '../design/design-files.ts';
import { runDesign } from './run-design.ts';
import { addRunOptions, boxFlag, type RunFlags } from './run-options.ts';

interface AddFlags extends RunFlags {
  readonly box?: Box;
  readonly caption?: string;
  readonly id?: string;
  readonly layer?: string[];
}

interface RestyleFlags extends RunFlags {
  readonly layer: string[];
  readonly reference?: string;
  readonly instruction?: string;
}

/** `edit DESIGN add|restyle`: layers to layers. Layers that are kept stay byte for byte. */
export function register(program: Command): void {
  const edit = program.command('edit').description('add layers to a design, or redraw some in its style');
  const add = edit
    .command('add')
    .description('make a new layer in a box, or make existing ones anew from their captions')
    .argument('<design>', 'layout.json or its folder')
    .option('-b, --box <x0,y0,x1,y1>', 'box of the new layer in pixels; may exceed the window', boxFlag)
    .option('-c, --caption <text>', 'what the new layer shows')
    .option('--id <id>', 'id of the new layer')
    .option('--layer <ids...>', 'existing layers to make anew');
  addRunOptions(add, DEFAULT_MODEL).action(async (path: string, flags: AddFlags) => {
    const { design, folder } = await readDesignFile(path);
    if ((flags.box === undefined) !== (flags.caption === undefined))
      throw new UsageError('edit add: a new layer needs both --box and --caption.');
    const added =
      flags.box && flags.caption !== undefined
        ? [{ box: flags.box, caption: flags.caption, ...(flags.id !== undefined ? { id: flags.id } : {}) }]
        : [];
    await runDesign(toAdd(design, added, flags.layer), designPictures(folder), flags);
  });
  const restyle = edit
    .command('restyle')
    .description("redraw layers in the design's style; their shapes stay")
    .argument('<design>', 'layout.json or its folder')
    .requiredOption('--layer <ids...>', 'layers to redraw')
    .option('-r, --reference <file>', 'PNG to take the shape from (one layer only); default: the layer itself')
    .option('--instruction <text>', "what to do; default: the checkpoint's own sentence");
  addRunOptions(restyle, DEFAULT_MODEL).action(async (path: string, flags: RestyleFlags) => {
    const { design, folder } = await readDesignFile(path);
    const references = new Map<string, string>();
    const extra = new Map<string, Picture>();
    if (flags.reference !== undefined) {
      if (flags.layer.length !== 1) throw new UsageError('edit restyle: --reference goes with exactly one --layer.');
      const uri = `reference-${basename(flags.reference).replace(/[^\w.-]+/g, '-')}`;
      references.set(flags.layer[0], uri);
      extra.set(uri, await readPictureFile(flags.reference));
    }
    const task = toRestyle(design, flags.layer, references, flags.instruction);
    await runDesign(task, designPictures(folder, extra), flags);
  });
}
