import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../../kernels/facts.ts';
import { planRmsNorm } from '../../../kernels/rms-norm/rms-norm.ts';
import { loadUserVariant } from '../../../tools/benchmark/user-variant.ts';

const folder = mkdtempSync(join(tmpdir(), 'layerloom-variant-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const ours = planRmsNorm(FLOOR_FACTS, { rows: 4, columns: 8, eps: 1e-6 });

async function load(text: string): ReturnType<typeof loadUserVariant> {
  const file = join(folder, `${Math.random()}.mjs`);
  writeFileSync(file, text);
  return loadUserVariant(file, ['rms_norm']);
}

it('takes a plan that keeps the contract', async () => {
  const variant = await load(
    "export const op = 'rms_norm', name = 'mine'; export const plan = (n, f, ours) => n === 'a' ? { ...ours, sources: ['x'] } : undefined;",
  );
  expect(variant.planFor('a', FLOOR_FACTS, ours)?.sources).toEqual(['x']);
  expect(variant.planFor('b', FLOOR_FACTS, ours)).toBeUndefined();
});

it.each([
  ['export const op = 1;', /must export op and name/],
  ["export const op = 'nope', name = 'x', plan = () => 0;", /is for op "nope"\. Ops: rms_norm/],
  ['syntax error', /cannot be loaded/],
])('refuses the module %s', async (text, message) => {
  await expect(load(text)).rejects.toThrow(message);
});

it.each([
  ['7', /must be an object/],
  ['{ ...ours, sources: "x" }', /must have "sources"/],
  ['{ ...ours, workgroups: [1] }', /must have "workgroups"/],
  ['{ ...ours, uniform: new Uint8Array(3) }', /must have "uniform"/],
  ['{ ...ours, bindings: ours.bindings.slice(1) }', /must bind \(x: read, weight: read, y: read_write\), got \(weight/],
  ['{ ...ours, flops: 1 }', /must count 128 flops/],
])('refuses the plan %s', async (plan, message) => {
  const variant = await load(
    `export const op = 'rms_norm', name = 'mine'; export const plan = (n, f, ours) => (${plan});`,
  );
  expect(() => variant.planFor('a', FLOOR_FACTS, ours)).toThrow(message);
});
