import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS, type DeviceFacts } from '../../kernels/facts.ts';
import { createEngine } from '../../runtime/engine.ts';
import { openDawn } from '../../runtime/node/dawn.ts';
import { NVIDIA_FACTS } from '../support/matrix-facts.ts';
import { allOpCases } from '../support/ops.ts';

// Dawn's null back end compiles kernels without any driver: every variant of every case must make a pipeline, for the
// floor, for GPUs with f16 and subgroups, with and without matrices of 16 x 16 x 16, and for the software drivers. This
// needs no Vulkan at all.
const engine = await createEngine({ gpu: await openDawn({ backend: 'null' }) });
const ops = await allOpCases();
const limits = engine.facts.limits;
const devices: Readonly<Record<string, DeviceFacts>> = {
  floor: FLOOR_FACTS,
  gpu: { ...FLOOR_FACTS, f16: true, subgroups: true, subgroupMinSize: 32, subgroupMaxSize: 32, limits },
  matrices: { ...NVIDIA_FACTS, limits },
  lavapipe: {
    ...FLOOR_FACTS,
    kind: 'software',
    driver: 'lavapipe',
    f16: true,
    subgroups: true,
    subgroupMinSize: 8,
    subgroupMaxSize: 8,
    limits,
  },
  swiftshader: {
    ...FLOOR_FACTS,
    kind: 'software',
    driver: 'swiftshader',
    subgroups: true,
    subgroupMinSize: 4,
    subgroupMaxSize: 4,
    limits,
  },
};

describe('every kernel variant compiles', () => {
  for (const { op, cases } of ops)
    for (const [device, facts] of Object.entries(devices))
      it(`${op} on ${device}`, async () => {
        for (const testCase of cases) {
          if (testCase.skip?.(facts)) continue;
          const variants = testCase.variants(facts);
          expect(variants.length, testCase.name).toBeGreaterThan(0);
          for (const variant of variants) await engine.pipelines.get(testCase.plan(facts, variant));
        }
      });
});
