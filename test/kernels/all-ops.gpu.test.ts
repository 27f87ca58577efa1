import { describe, expect, it } from 'vitest';
import { allOpCases } from '../support/ops.ts';
import { describeMismatch } from '../support/close.ts';
import { seededRandom, seedOf } from '../support/random.ts';
import { decodeWords, runPlan } from '../support/run-plan.ts';
import { testEngine } from '../support/engine.ts';

const engine = await testEngine();
const ops = await allOpCases();
const only = process.env.LAYERLOOM_OP;

describe.skipIf(typeof engine === 'string')(
  `kernels on ${typeof engine === 'string' ? engine : engine.info.description}`,
  () => {
    if (typeof engine === 'string') return;
    for (const { op, cases } of ops) {
      if (only && op !== only) continue;
      describe(op, () => {
        for (const testCase of cases) {
          if (testCase.benchOnly) continue;
          const reason = testCase.skip?.(engine.facts);
          if (reason) {
            it.skip(`${testCase.name}: ${reason}`, () => {});
            continue;
          }
          for (const variant of testCase.variants(engine.facts)) {
            it(`${testCase.name} [${variant}]`, async () => {
              const seed = seedOf(`${op}/${testCase.name}`);
              const inputs = testCase.inputs(seededRandom(seed), engine.facts, variant);
              const plan = testCase.plan(engine.facts, variant);
              const outputs = await runPlan(engine, plan, inputs);
              const expected = testCase.expected(inputs, variant);
              for (const [name, { dtype, values, tolerance = testCase.tolerance }] of Object.entries(expected)) {
                const actual = decodeWords(outputs[name], dtype, values.length);
                const mismatch = describeMismatch(actual, values, tolerance);
                expect(mismatch && `${op} ${testCase.name} [${plan.variant}] ${name}: ${mismatch}`).toBeUndefined();
              }
            });
          }
        }
      });
    }
  },
);
