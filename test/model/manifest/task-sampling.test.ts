import { describe, expect, it } from 'vitest';
import type { DesignTaskType } from '../../../model/layout/design-schema.ts';
import { mergeManifest, parseManifest, taskSampling } from '../../../model/manifest/manifest.ts';
import { planJob } from '../../../model/pipeline/mrt-job.ts';
import { toDecompose, toGenerate } from '../../../model/pipeline/tasks.ts';
import { twoLayers } from '../../support/tiny-mrt.ts';

const LIST = [1, 0.3, 0.2, 0.1, 0];
const TASKS: readonly DesignTaskType[] = ['t2l', 'i2l', 'add', 'restyle'];

/** A general list for four steps; text to layers has none, addition one of its own for two. */
const manifest = parseManifest({
  sampling: {
    steps: 4,
    cfgScale: 1,
    sigmas: { 4: LIST },
    fallback: { timeShift: 'none', terminal: null },
    tasks: {
      t2l: { cfgScale: 2.5, steps: 6, sigmas: {} },
      add: { cfgScale: 2, form: 'renoise', sigmas: { 2: [1, 0.4, 0] }, fallback: { terminal: 0.1 } },
    },
  },
});

describe('taskSampling', () => {
  it('is the general sampling where a manifest names no tasks', () => {
    const plain = parseManifest({ sampling: { steps: 3, sigmas: { 4: LIST } } });
    const { tasks, ...general } = plain.sampling;
    expect(tasks).toEqual({});
    for (const task of [...TASKS, undefined]) expect(taskSampling(plain, task)).toEqual(general);
  });

  it('puts the keys of a task over the general ones, each for itself', () => {
    const { tasks: _, ...general } = manifest.sampling;
    expect(taskSampling(manifest, 'i2l')).toEqual(general);
    expect(taskSampling(manifest, 't2l')).toEqual({ ...general, cfgScale: 2.5, steps: 6, sigmas: {} });
    expect(taskSampling(manifest, 'add')).toEqual({
      form: 'renoise',
      steps: 4,
      cfgScale: 2,
      sigmas: { 2: [1, 0.4, 0] },
      fallback: { ...general.fallback, terminal: 0.1 },
    });
  });

  it('is merged key by key where a manifest is put over another', () => {
    const over = { sampling: { tasks: { t2l: { cfgScale: 4 }, restyle: { steps: 1 } } } };
    const merged = mergeManifest(manifest, over);
    expect(taskSampling(merged, 't2l')).toMatchObject({ cfgScale: 4, steps: 6, sigmas: {} });
    expect(taskSampling(merged, 'restyle')).toMatchObject({ cfgScale: 1, steps: 1, sigmas: { 4: LIST } });
    expect(manifest.sampling.tasks).not.toHaveProperty('restyle');
  });
});

describe('a job', () => {
  const plain = twoLayers({ sampling: { seed: 1 } });
  const t2l = toGenerate(plain, 'a star');
  const add = { ...plain, task: { type: 'add' as const, targets: ['b'] } };

  it("has its task's steps, guidance, form and noise levels", () => {
    const generated = planJob(t2l, manifest);
    expect(generated).toMatchObject({ steps: 6, cfgScale: 2.5, form: 'euler', isListed: false });
    expect(generated.sigmas).toHaveLength(7);
    const decomposed = planJob(toDecompose(plain, 'input.png'), manifest);
    expect(decomposed).toMatchObject({ steps: 4, cfgScale: 1, isListed: true });
    expect([...decomposed.sigmas]).toEqual(LIST);
    expect(planJob(add, manifest)).toMatchObject({ steps: 4, cfgScale: 2, form: 'renoise', isListed: false });
    expect([...planJob(add, manifest, { steps: 2 }).sigmas]).toEqual([1, 0.4, 0]);
  });

  it.each([1, 2, 4, 7, 8, 16, 50])('has uniform levels of %i steps with neither shift nor terminal', (steps) => {
    const { sigmas } = planJob(t2l, manifest, { steps });
    expect(sigmas).toHaveLength(steps + 1);
    for (const [i, sigma] of sigmas.entries()) expect(sigma).toBeCloseTo(1 - i / steps, 12);
    expect(sigmas.at(-1)).toBe(0);
  });

  it("listens to the document before the manifest's task, and to the run before both", () => {
    const document = { ...t2l, sampling: { steps: 4, cfg: 1, scheduler: 'renoise' as const, seed: 1 } };
    expect(planJob(document, manifest)).toMatchObject({ steps: 4, cfgScale: 1, form: 'renoise' });
    const options = { steps: 2, cfgScale: 3, form: 'euler' } as const;
    expect(planJob(document, manifest, options)).toMatchObject(options);
  });
});
