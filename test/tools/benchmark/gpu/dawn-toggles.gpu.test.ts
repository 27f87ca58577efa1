import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { matrixUnit } from '../../../../kernels/matrix-unit.ts';
import type { DawnOptions } from '../../../../runtime/node/dawn.ts';
import { effectsIn, probeToggles, spirvOf, toggleLines } from '../../../../tools/benchmark/gpu/dawn-toggles.ts';
import { testEngine } from '../../../support/engine.ts';

const engine = await testEngine();
const script = fileURLToPath(new URL('../../../../tools/benchmark/gpu/dump-shaders.ts', import.meta.url));
const unit = typeof engine === 'string' ? undefined : matrixUnit(engine.facts, 'f16');

function dump(options: DawnOptions): string[] {
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', script, JSON.stringify(options)], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  return spirvOf(stdout);
}

describe.skipIf(typeof engine === 'string')('toggles of Dawn, seen in the code that it makes', () => {
  it('are on by default', () => {
    expect(effectsIn(dump({}))).toEqual({
      robustness: true,
      workgroup_init: true,
      polyfills_on_integer_div_and_mod: true,
      use_vulkan_memory_model: expect.any(Boolean),
      vulkan_use_cooperative_matrix_robust_access: unit ? expect.any(Boolean) : null,
    });
  });

  it('are off where they were asked to be', () => {
    const enable = ['disable_robustness', 'disable_workgroup_init', 'disable_polyfills_on_integer_div_and_mod'];
    expect(effectsIn(dump({ enable }))).toMatchObject({
      robustness: false,
      workgroup_init: false,
      polyfills_on_integer_div_and_mod: false,
    });
  });

  it.skipIf(!unit)('tell whether matrix loads are clamped', () => {
    const effects = effectsIn(dump({ disable: ['vulkan_use_cooperative_matrix_robust_access'] }));
    expect(effects).toMatchObject({ robustness: true, vulkan_use_cooperative_matrix_robust_access: false });
  });
});

describe('toggles on a back end that makes no code', () => {
  it('are those that were asked for, and no more', () => {
    const toggles = probeToggles({ backend: 'null', disable: ['timestamp_quantization'] });
    expect(new Set(Object.values(toggles.effects))).toEqual(new Set([null]));
    expect(toggleLines(toggles)).toEqual([
      'toggles asked for: on allow_unsafe_apis, vulkan_enable_f16_on_nvidia; off timestamp_quantization',
      'toggles seen in compiled code: none, this back end makes no code',
    ]);
  });
});
