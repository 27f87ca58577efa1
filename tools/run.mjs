// node tools/run.mjs COMMAND ARGS...: runs the command line tool from the source tree, shaders embedded afresh.
import { register } from 'tsx/esm/api';

import { embed } from './embed-wgsl.mjs';

embed();
register();
await import('./cli.ts');
