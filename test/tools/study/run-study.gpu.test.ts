import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toGenerate } from '../../../model/pipeline/tasks.ts';
import { compareStudies, comparisonHtml, comparisonLines } from '../../../tools/study/compare-studies.ts';
import { runStudy, type StudyProgress } from '../../../tools/study/run-study.ts';
import type { StudyDesign } from '../../../tools/study/run-setting.ts';
import { registerStudySamplers } from '../../../tools/study/samplers.ts';
import { parseStudyPlan, STUDY_FORMAT } from '../../../tools/study/study-plan.ts';
import { readStudyReport, studyCsv, writeStudyReport } from '../../../tools/study/study-report.ts';
import { StudyStore } from '../../../tools/study/study-store.ts';
import { summarizeStudy, type StudyReport } from '../../../tools/study/summarize-study.ts';
import { testEngine } from '../../support/engine.ts';
import { loadTestPicture, openTinyMrt, twoLayers } from '../../support/tiny-mrt.ts';

const engine = await testEngine();

describe.skipIf(typeof engine === 'string')('a study', () => {
  if (typeof engine === 'string') return;
  const designs: StudyDesign[] = ['one', 'two'].map((name, i) => ({
    name,
    document: toGenerate(twoLayers({ sampling: { seed: i } }), `picture ${name}`),
    pictures: loadTestPicture,
  }));
  const plan = parseStudyPlan(
    {
      format: STUDY_FORMAT,
      base: { steps: 4 },
      sweeps: [{ cache: ['off', { preset: 'fast', residualDiffThreshold: 1 }] }, { steps: [2] }, { sampler: ['heun'] }],
      settings: [
        { precision: 'int8' },
        { modulation: 'perStep' },
        { regions: 'canvas' },
        { steps: 3, cache: 'fast' },
        { cfgScale: 2, cache: { method: 'dbcache', fnComputeBlocks: 1, residualDiffThreshold: 1, maxWarmupSteps: 2 } },
      ],
    },
    'plan',
  );
  const identity = {
    clock: 'cpu' as const,
    model: 'tiny',
    fingerprint: 'f',
    task: plan.task,
    seed: 0,
    device: engine.info.description,
    designs: ['one', 'two'],
  };
  let folder = '';
  let removeSamplers = (): void => {};

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'layerloom-study-'));
    removeSamplers = registerStudySamplers();
  });
  afterAll(async () => {
    removeSamplers();
    await rm(folder, { recursive: true });
  });

  const run = async (signal?: AbortSignal, onProgress?: (state: StudyProgress) => void) => {
    const store = await StudyStore.open(folder, identity);
    const outcome = await runStudy(plan, {
      engine,
      designs,
      store,
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
      open: (precision, manifest) => openTinyMrt(engine, { precision, manifest }),
    });
    return summarizeStudy(identity, plan, outcome.records, outcome.skipped);
  };
  const find = (report: StudyReport, name: string) => report.summaries.find((summary) => summary.name === name)!;

  it('stops when told to, and goes on where it stopped', async () => {
    const controller = new AbortController();
    const first: string[] = [];
    const stopped = run(controller.signal, ({ setting, design }) => {
      first.push(`${setting}, ${design}`);
      if (first.length === 5) controller.abort(new Error('enough'));
    });
    await expect(stopped).rejects.toThrow('enough');
    expect(await readdir(join(folder, 'records'))).toHaveLength(5);
    const fresh: string[] = [];
    const report = await run(undefined, ({ setting, design, isFresh }) => {
      if (isFresh) fresh.push(`${setting}, ${design}`);
    });
    expect(fresh.filter((name) => first.includes(name))).toEqual([]);
    expect(report.skipped).toEqual([
      { name: '3 steps, fast', reason: expect.stringContaining('preset "fast" needs 4, 6 or at least 8 steps, got 3') },
    ]);
    expect(report.summaries.map(({ name, designs: count }) => [name, count])).toEqual([
      ['4 steps', 2],
      ['4 steps, fast R1', 2],
      ['2 steps', 2],
      ['4 steps, heun', 2],
      ['4 steps, int8', 2],
      ['4 steps, no modulation table', 2],
      ['4 steps, full canvas', 2],
      ['4 steps, dbcache F1 R1 W2, cfg 2', 2],
    ]);
  });

  it('says what each setting costs and saves', async () => {
    const report = await run();
    const base = find(report, '4 steps');
    expect(base).toMatchObject({
      speedup: 1,
      workSpeedup: 1,
      hitShare: 0,
      pattern: '1111',
      flopsSkipped: 0,
      regionHitShare: null,
    });
    expect(base.base).toMatchObject({ psnr: 50, finalNmse: 0 });
    const cached = find(report, '4 steps, fast R1');
    expect(cached).toMatchObject({ hitShare: 0.25, pattern: '1101' });
    expect(cached.flopsSkipped).toBeGreaterThan(0);
    // What was done and what was left out is a full run, and the cache's own sums.
    const all = (cached.flopsDone + cached.flopsSkipped) / base.flopsDone;
    expect(all).toBeGreaterThan(1);
    expect(all).toBeLessThan(1.01);
    expect(cached.twin.latentNmse!.slice(0, 2)).toEqual([0, 0]); // nothing is reused before step 2
    expect(cached.twin.latentNmse![2]).toBeGreaterThan(0);
    expect(cached.base).toEqual(cached.twin);
    expect(find(report, '2 steps').twin.psnr).toBe(50);
    expect(find(report, '2 steps').base.latentNmse).toBeNull();
    expect(find(report, '2 steps').base.psnr).toBeLessThan(50);
    // Heun asks the network twice in every step but the last.
    expect(find(report, '4 steps, heun').flopsDone / base.flopsDone).toBeCloseTo(7 / 4, 5);
    const int8 = find(report, '4 steps, int8');
    expect(int8.twin.finalNmse).toBeGreaterThan(0);
    expect(int8.twin.finalNmse).toBeLessThan(0.05);
    expect(find(report, '4 steps, full canvas').base.psnr).toBeLessThan(50);
    const perStep = find(report, '4 steps, no modulation table');
    expect(perStep.twin.finalNmse).toBeLessThan(1e-9);
    expect(perStep.base.psnr).toBe(50);
    expect(perStep.flopsDone).toBe(base.flopsDone);
    // The model's modulation weights are many times the five rows of its table.
    expect(base.modulationBytes).toBeGreaterThan(0);
    expect(perStep.modulationBytes! / base.modulationBytes!).toBeGreaterThan(2);
    const guided = find(report, '4 steps, dbcache F1 R1 W2, cfg 2');
    expect(guided).toMatchObject({ hitShare: 0.5, pattern: '1100' });
    expect(guided.twin.psnr).toBeLessThan(50);
  });

  it('writes JSON, CSV, plots and a page, and compares two reports', async () => {
    const report = await run();
    const out = join(folder, 'report');
    await writeStudyReport(out, report);
    expect((await readdir(out)).sort()).toEqual([
      'index.html',
      'latents.svg',
      'pareto.svg',
      'patterns.svg',
      'study.csv',
      'study.json',
    ]);
    expect(await readStudyReport(out)).toEqual(report);
    const csv = (await readFile(join(out, 'study.csv'), 'utf8')).trim().split('\n');
    expect(csv).toHaveLength(1 + report.summaries.length);
    expect(csv[1].startsWith('4 steps,')).toBe(true);
    expect(csv[0]).toContain(',modulationMiB,');
    expect(studyCsv([{ ...report.summaries[0], modulationBytes: 2 ** 20, isPareto: true }])).toContain(',1,yes');
    expect(studyCsv([{ ...report.summaries[0], name: 'a, "b"' }])).toContain('"a, ""b""",');
    const html = await readFile(join(out, 'index.html'), 'utf8');
    for (const { name } of report.summaries) expect(html).toContain(`<td>${name}</td>`);
    expect(html).toContain('Left out');
    expect(html).not.toMatch(/(?:src|href)=/);
    const pareto = await readFile(join(out, 'pareto.svg'), 'utf8');
    expect(pareto.match(/<circle/g)).toHaveLength(report.summaries.length);
    const fewer = { ...report, summaries: report.summaries.slice(1), identity: { ...identity, device: 'other' } };
    const comparison = compareStudies(report, fewer);
    expect(comparison.both).toHaveLength(7);
    expect(comparison.onlyA).toEqual(['4 steps']);
    expect(comparison.notes).toEqual([`device: ${identity.device} | other`]);
    expect(comparisonLines(comparison).join('\n')).toContain('only in the first: 4 steps');
    expect(comparisonHtml(comparison)).toContain('4 steps, int8');
  });

  it('refuses a folder that holds another study, and a file that is no report', async () => {
    await expect(StudyStore.open(folder, { ...identity, seed: 1 })).rejects.toThrow(
      `study: ${folder} holds another study (seed: 0, now 1). Choose another --output, or delete it.`,
    );
    await expect(readStudyReport(join(folder, 'identity.json'))).rejects.toThrow('is no report of a study');
    await expect(readStudyReport(join(folder, 'nothing'))).rejects.toThrow('cannot be read as a report');
  });
});
