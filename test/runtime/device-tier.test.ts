import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS } from '../../kernels/facts.ts';
import { factsAtTier } from '../../runtime/device.ts';
import { createEngine } from '../../runtime/engine.ts';
import { openDawn } from '../../runtime/node/dawn.ts';
import { LAVAPIPE_FACTS } from '../support/matrix-facts.ts';

describe('factsAtTier', () => {
  it('hides what lies above a tier', () => {
    expect(factsAtTier(LAVAPIPE_FACTS, 'T0')).toMatchObject({ f16: false, subgroups: false, matrixConfigs: [] });
    expect(factsAtTier(LAVAPIPE_FACTS, 'T1')).toMatchObject({ f16: true, subgroups: true, matrixConfigs: [] });
    expect(factsAtTier(LAVAPIPE_FACTS, 'T2')).toEqual({ ...LAVAPIPE_FACTS, preferMatrix: true });
    expect(factsAtTier({ ...LAVAPIPE_FACTS, preferMatrix: true }, 'T1').preferMatrix).toBeUndefined();
  });

  it('refuses a tier that the device does not reach', () => {
    expect(() => factsAtTier(FLOOR_FACTS, 'T1')).toThrow(
      'engine: tier T1 needs f16 and subgroups, which this device lacks. Use T0.',
    );
    expect(() => factsAtTier({ ...LAVAPIPE_FACTS, matrixConfigs: [] }, 'T2')).toThrow(
      'engine: tier T2 needs f16 matrices with f32 sums, which this device lacks. Use T1, or Mesa 26 on a CPU.',
    );
  });

  it('is an option of the engine', async () => {
    const gpu = await openDawn({ backend: 'null' });
    expect((await createEngine({ gpu, tier: 'T0' })).facts).toMatchObject({ f16: false, subgroups: false });
    await expect(createEngine({ gpu, tier: 'T2' })).rejects.toThrow('engine: tier T2 needs f16 matrices');
  });
});
