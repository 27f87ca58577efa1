import type { DesignTaskType } from '../layout/design-schema.ts';
import type { MrtManifest } from './manifest-schema.ts';

/** How a task is sampled where neither the run nor the document says. */
export type TaskSampling = Pick<MrtManifest['sampling'], 'form' | 'steps' | 'cfgScale' | 'sigmas' | 'fallback'>;

/**
 * What a manifest says about sampling a task: `sampling`, with the keys of `sampling.tasks[task]` put over it.
 *
 * Each key stands for itself. A task's `sigmas` take the place of all the general lists (`{}`: this task has none); its
 * `fallback` changes the keys that it names and serves the step counts that no list in force has.
 *
 * @param task absent: the general keys
 */
export function taskSampling({ sampling }: Pick<MrtManifest, 'sampling'>, task?: DesignTaskType): TaskSampling {
  const own = task === undefined ? {} : (sampling.tasks[task] ?? {});
  const { form, steps, cfgScale, sigmas, fallback } = sampling;
  return {
    form: own.form ?? form,
    steps: own.steps ?? steps,
    cfgScale: own.cfgScale ?? cfgScale,
    sigmas: own.sigmas ?? sigmas,
    fallback: { ...fallback, ...own.fallback },
  };
}
