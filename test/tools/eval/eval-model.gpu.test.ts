import { afterAll, describe, expect, test } from 'vitest';
import { Checkpoint } from '../../../model/checkpoint/checkpoint.ts';
import { MrtPipeline } from '../../../model/pipeline/mrt-pipeline.ts';
import type { Engine } from '../../../runtime/engine.ts';
import { modelFolder } from '../../../runtime/node/model-folder.ts';
import { evalCommand } from '../../../tools/eval/eval-command.ts';
import type { EvalArguments, EvalDocument, OpenedModel } from '../../../tools/eval/eval-command.ts';
import { testEngine } from '../../support/engine.ts';
import { SMALL_DESIGNS, writeSmallSet } from './small-set.ts';

// A checkpoint of random weights: its figures mean nothing, but everything that makes them runs for real.
const MODEL = 'test/golden/core/models/tiny-mrt';
const engine = await testEngine();
const pipeline = typeof engine === 'string' ? undefined : await open(engine);

async function open(on: Engine): Promise<MrtPipeline> {
  return MrtPipeline.open(on, await Checkpoint.open(await modelFolder(MODEL)));
}

afterAll(async () => {
  await pipeline?.dispose();
});

function opened(): OpenedModel {
  if (!pipeline || typeof engine === 'string') throw new TypeError('no engine');
  return { pipeline, name: MODEL, precision: 'stored', device: engine.info };
}

async function run(args: Omit<EvalArguments, 'model'>): Promise<EvalDocument> {
  return evalCommand({ ...args, model: opened() }, { out: () => {}, progress: () => {} });
}

describe.skipIf(typeof engine === 'string')('eval of a checkpoint', () => {
  test('has the model, its control, its bound and the baselines in one table', async () => {
    const document = await run({ set: writeSmallSet(SMALL_DESIGNS.slice(0, 1)), steps: [1, 2] });
    expect(document.model).toMatchObject({ name: MODEL, steps: [1, 2], cfgScale: null, seed: null });
    const names = document.tasks.map(({ task, candidates }) => [task, candidates.map(({ name }) => name)]);
    expect(names).toEqual([
      ['t2l', ['model, 1 step', 'model, 2 steps', 'shuffled captions', 'VAE bound', 'other design']],
      ['i2l', ['model, 1 step', 'model, 2 steps', 'VAE bound', 'paste', 'chroma key', 'refined key', 'flat fill']],
      [
        'add',
        ['model, 1 step', 'model, 2 steps', 'shuffled captions', 'VAE bound', 'paste', 'flat fill', 'other design'],
      ],
      ['restyle', ['model, 1 step', 'model, 2 steps', 'VAE bound', 'paste', 'flat fill']],
    ]);
    for (const task of ['add', 'restyle'])
      expect(document.tasks.find((report) => report.task === task)?.candidates[0]?.overall.keptEqual?.value).toBe(1);
    const bound = document.tasks[0]?.candidates.find(({ kind }) => kind === 'bound');
    expect(bound?.overall.composedPsnr?.value).toBeGreaterThan(5);
    const [one, two] = document.tasks[1]?.candidates ?? [];
    expect(one?.sampling).toEqual({ steps: 1, cfgScale: 1, form: 'euler', sigmas: [1, 0], from: 'formula' });
    expect(two?.sampling?.sigmas).toHaveLength(3);
    expect(one?.overall.alphaIou?.value).not.toBe(two?.overall.alphaIou?.value);
  });

  test('samples each task as the manifest says for it, whatever the documents say, and tells so', async () => {
    if (typeof engine === 'string') return;
    const checkpoint = await Checkpoint.open(await modelFolder(MODEL));
    await using own = MrtPipeline.open(engine, checkpoint, {
      manifest: {
        sampling: {
          steps: 2,
          sigmas: { 2: [1, 0.3, 0] },
          fallback: { timeShift: 'none', terminal: null },
          tasks: { add: { steps: 3, cfgScale: 2.5, sigmas: {} } },
        },
      },
    });
    const lines: string[] = [];
    const set = writeSmallSet(SMALL_DESIGNS.slice(1, 2), (file, value) => {
      if (file.endsWith('add.json')) value['sampling'] = { steps: 1, cfg: 1 };
    });
    const args = { set, tasks: ['i2l', 'add'] as const, model: { ...opened(), pipeline: own } };
    const { tasks, model } = await evalCommand(args, { out: (line) => lines.push(line), progress: () => {} });
    expect(model).toMatchObject({ steps: null, cfgScale: null });
    const models = tasks.map(({ candidates }) => candidates.filter(({ kind }) => kind === 'model')[0]);
    expect(models.map(({ name }) => name)).toEqual(['model, 2 steps', 'model, 3 steps']);
    expect(models.map(({ sampling }) => sampling)).toMatchObject([
      { steps: 2, cfgScale: 1, sigmas: [1, 0.3, 0], from: 'list' },
      { steps: 3, cfgScale: 2.5, from: 'formula' },
    ]);
    expect(lines).toContain("  2 steps, no guidance, euler, levels 1 0.3 0 (the manifest's list)");
    expect(lines).toContain("  3 steps, guidance 2.5, euler, levels 1 0.6667 0.3333 0 (the manifest's formula)");
    const asked = await evalCommand(
      { ...args, steps: [1], cfgScale: 2, shuffled: false },
      { out: () => {}, progress: () => {} },
    );
    for (const { candidates } of asked.tasks) expect(candidates[0].sampling).toMatchObject({ steps: 1, cfgScale: 2 });
  });

  test('the same seed gives the same figures, another seed others', async () => {
    const set = writeSmallSet(SMALL_DESIGNS.slice(1, 2));
    const figures = async (seed: number): Promise<string> => {
      const { tasks } = await run({ set, tasks: ['i2l'], steps: [1], seed, shuffled: false });
      return JSON.stringify(tasks[0]?.candidates[0]?.overall);
    };
    const first = await figures(1);
    expect(await figures(1)).toBe(first);
    expect(await figures(2)).not.toBe(first);
  });

  test('the control can be left out, and an abort stops the run', async () => {
    const set = writeSmallSet(SMALL_DESIGNS.slice(1, 2));
    const { tasks } = await run({ set, tasks: ['add'], steps: [1], shuffled: false });
    expect(tasks[0]?.candidates.map(({ name }) => name)).not.toContain('shuffled captions');
    const controller = new AbortController();
    const stopped = evalCommand(
      { set, tasks: ['i2l'], steps: [1, 2], model: opened(), signal: controller.signal },
      { out: () => {}, progress: () => controller.abort() },
    );
    await expect(stopped).rejects.toThrow(/abort/iu);
  });
});
