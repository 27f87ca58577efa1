import { describe, expect, it } from 'vitest';
import { FLOOR_FACTS, type DeviceFacts } from '../../../kernels/facts.ts';
import {
  fusesMatmul,
  matmulShapeClass,
  matmulVariants,
  planMatmul,
  type MatmulSpec,
  type MatmulVariant,
} from '../../../kernels/matmul/matmul.ts';
import { layTile, MATRIX_TILES, tileName } from '../../../kernels/matrix-tile.ts';
import { matrixUnit } from '../../../kernels/matrix-unit.ts';
import { tuningKey } from '../../../kernels/tuning.ts';
import { createEngine } from '../../../runtime/engine.ts';
import { openDawn } from '../../../runtime/node/dawn.ts';
import { LAVAPIPE_FACTS, NVIDIA_FACTS } from '../../support/matrix-facts.ts';

/** q | k | v of 24 heads of 128, as the published transformer has them. */
function projection(dim: number, other: Partial<MatmulSpec> = {}): MatmulSpec {
  return {
    m: 4096,
    n: 9216,
    k: 3072,
    w: { dtype: 'f16', order: 'nk' },
    bias: true,
    heads: { dim, queries: 3072 / dim, keys: 3072 / dim, eps: 1e-6, pairs: 'interleaved' },
    ...other,
  };
}

const engine = await createEngine({ gpu: await openDawn({ backend: 'null' }) });
const { limits } = engine.facts;

describe('heads in the epilogue, every tile of the tuner that holds them', () => {
  for (const form of ['unrolled', 'rolled'] as const)
    for (const dim of [64, 128]) {
      const facts: DeviceFacts = { ...NVIDIA_FACTS, kind: form === 'rolled' ? 'software' : 'gpu' };
      const unit = matrixUnit(facts, 'f16')!;
      const wide = MATRIX_TILES.filter(({ columns }) => columns % dim === 0);
      it(`of ${dim}, ${form}: which`, () => {
        expect([...matmulVariants(facts, projection(dim))].sort()).toEqual(wide.map(tileName).sort());
      });
      for (const tile of wide)
        it(`of ${dim}, ${form}: ${tileName(tile)} compiles at 16 x 16 x 16 and subgroups of 32`, async () => {
          const plan = planMatmul(facts, projection(dim), tileName(tile) as MatmulVariant);
          const text = plan.sources.join('\n');
          const { messages } = await engine.device.createShaderModule({ code: text }).getCompilationInfo();
          expect(messages.map(({ lineNum, message }) => `${lineNum}: ${message}`)).toEqual([]);
          expect(text).not.toMatch(/subgroup(Add|Max|Min|Mul|Shuffle|Broadcast)/);
          // Dawn's null back end has 16 KiB of workgroup memory: 256 of them for the sums of heads.
          const bytes = (layTile(unit, tile, 'nk', dim)?.stageSize ?? Infinity) * 16 + 2048;
          if (
            bytes <= limits.maxComputeWorkgroupStorageSize &&
            tile.invocations <= limits.maxComputeInvocationsPerWorkgroup
          )
            await engine.pipelines.get(plan);
        });
    }

  it('some make pipelines', async () => {
    const facts = { ...NVIDIA_FACTS, limits };
    const own = matmulVariants(facts, projection(64));
    expect(own.length).toBeGreaterThanOrEqual(1);
    for (const variant of own) await engine.pipelines.get(planMatmul(facts, projection(64), variant));
  });
});

describe('layTile with heads', () => {
  const unit = matrixUnit(NVIDIA_FACTS, 'f16')!;
  const [large] = MATRIX_TILES;
  it('splits heads over invocations', () => {
    expect(layTile(unit, large, 'nk', 128)?.heads).toEqual({ dim: 128, columns: 128, rows: 32, stride: 33, parts: 4 });
    expect(layTile(unit, large, 'nk', 32)?.heads).toMatchObject({ columns: 128, parts: 1 });
  });
  it('holds whole heads alone', () => {
    expect(layTile(unit, large, 'nk', 24)?.heads).toMatchObject({ columns: 120 });
    expect(layTile(unit, large, 'nk', 132)).toBeUndefined();
    expect(layTile(unit, large, 'nk', 30)).toBeUndefined();
    // Sums of heads leave through the staging array, which f16 cannot hold.
    expect(layTile(unit, large, 'nk', 128, { pointee: 'f16' })).toBeUndefined();
  });
  it('counts the sums of heads as workgroup memory', () => {
    const plain = layTile(unit, large, 'nk')!.stageSize * 16;
    expect(layTile({ ...unit, storage: plain }, large, 'nk')).toBeDefined();
    expect(layTile({ ...unit, storage: plain + 508 }, large, 'nk', 128)).toBeUndefined();
    expect(layTile({ ...unit, storage: plain + 512 }, large, 'nk', 128)).toBeDefined();
  });
});

describe('fusesMatmul with heads', () => {
  const fuses = (facts: DeviceFacts, other: Partial<MatmulSpec> = {}) =>
    fusesMatmul(facts, projection(128, { m: 1024, ...other }));
  it('where the planner takes the matrix unit anyway', () => {
    expect(fuses(NVIDIA_FACTS)).toBe(true);
    expect(fuses(FLOOR_FACTS)).toBe(false);
    expect(fuses({ ...NVIDIA_FACTS, preferMatrix: false })).toBe(false);
    expect(fuses(LAVAPIPE_FACTS)).toBe(false);
    expect(fuses({ ...LAVAPIPE_FACTS, preferMatrix: true })).toBe(true);
    expect(fuses(NVIDIA_FACTS, { w: { dtype: 'f32', order: 'nk' } })).toBe(false);
    expect(fuses(NVIDIA_FACTS, { m: 3 })).toBe(false);
  });
  it('not where another variant was measured to be faster', () => {
    const { heads: _, ...plain } = projection(128, { m: 1024 });
    const tuned = (name: string) => ({ [tuningKey('matmul', matmulShapeClass(plain))]: name });
    expect(fuses({ ...NVIDIA_FACTS, tuning: tuned('tiled128') })).toBe(false);
    expect(fuses({ ...NVIDIA_FACTS, tuning: tuned('matrix-128x128x32-t128-b1') })).toBe(true);
  });
  it('not where heads would cost more tiles, or none holds one', () => {
    const odd = { dim: 48, queries: 64, keys: 64, eps: 1e-6, pairs: 'interleaved' } as const;
    expect(fuses(NVIDIA_FACTS, { heads: odd })).toBe(false);
    expect(fuses(NVIDIA_FACTS, { heads: { ...odd, dim: 512, queries: 6, keys: 6 } })).toBe(false);
  });
  it('only with as many bindings as the device has', () => {
    const eight = { ...NVIDIA_FACTS, limits: { ...NVIDIA_FACTS.limits, maxStorageBuffersPerShaderStage: 8 } };
    const quantised = { x: { dtype: 'i8' }, w: { dtype: 'i8', order: 'nk' } } as const;
    expect(fuses(eight, { w: { dtype: 'i8', order: 'nk' } })).toBe(true);
    expect(fuses(eight, quantised)).toBe(false);
    const nine = { ...NVIDIA_FACTS, limits: { ...eight.limits, maxStorageBuffersPerShaderStage: 9 } };
    expect(fuses(nine, quantised)).toBe(true);
  });
});

describe('planMatmul with heads', () => {
  it.each([
    [projection(128, { activation: 'silu' }), 'heads go with neither an activation nor add nor a batch, got silu'],
    [
      projection(128, { add: 'residual' }),
      'heads go with neither an activation nor add nor a batch, got none, residual',
    ],
    [
      projection(128, { heads: { ...projection(128).heads!, dim: 50 } }),
      'heads.dim must be a multiple of 4 that divides n, got 50 with n = 9216',
    ],
    [projection(128, { n: 6144 - 128 }), '24 + 24 heads of 128 do not fit n = 6016'],
  ] as const)('refuses %#', (spec, message) => {
    expect(() => planMatmul(NVIDIA_FACTS, spec)).toThrow(message);
  });
  it('says where it cannot run', () => {
    expect(() => planMatmul(FLOOR_FACTS, projection(128))).toThrow(
      "matmul: no tile of this device's matrix unit holds whole heads of 128. Use qk_norm_rope after the product.",
    );
  });
});
