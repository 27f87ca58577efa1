import type { Engine } from '../../runtime/engine.ts';
import type { ModelFolder } from '../../runtime/io/model-folder.ts';
import type { OpenWeightsOptions } from '../../runtime/weights/open-weights.ts';
import { Checkpoint } from '../checkpoint/checkpoint.ts';
import { MrtPipeline, type MrtPipelineOptions } from './mrt-pipeline.ts';

/**
 * Opens a regional checkpoint folder (with `mrt.json`). Configs are read now, weights when a run first needs them.
 *
 * @throws CheckpointError, ConfigError for what is missing or broken, by file and rule
 */
export async function loadPipeline(
  engine: Engine,
  folder: ModelFolder,
  options: MrtPipelineOptions & { weights?: OpenWeightsOptions } = {},
): Promise<MrtPipeline> {
  const checkpoint = await Checkpoint.open(folder, options.weights);
  return MrtPipeline.open(engine, checkpoint, options);
}
