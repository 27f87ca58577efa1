import { describe, expect, it } from 'vitest';
import type { DeviceFacts } from '../../kernels/facts.ts';
import { matmulVariants, planMatmul, type MatmulSpec, type MatmulVariant } from '../../kernels/matmul/matmul.ts';
import { layTile, MATRIX_TILES, tileName } from '../../kernels/matrix-tile.ts';
import { matrixUnit } from '../../kernels/matrix-unit.ts';
import { createEngine } from '../../runtime/engine.ts';
import { openDawn } from '../../runtime/node/dawn.ts';
import { LAVAPIPE_FACTS, NVIDIA_FACTS } from '../support/matrix-facts.ts';

const linter = '../../tools/lint/wgsl.mjs';
const { lintShader } = (await import(linter)) as {
  lintShader: (file: string, text: string) => readonly { readonly rule: string; readonly message: string }[];
};

// Dawn's null back end type-checks matrix kernels of any shape. Its workgroup memory is 16 KiB, so the module of every tile
// is compiled at full size, and a pipeline made of those that fit.
const engine = await createEngine({ gpu: await openDawn({ backend: 'null' }) });
const { device } = engine;
const here = engine.facts.limits.maxComputeWorkgroupStorageSize;
const spec: MatmulSpec = { m: 4096, n: 3072, k: 3072, w: { dtype: 'f16', order: 'nk' } };

function unitOf(facts: DeviceFacts) {
  const unit = matrixUnit(facts, 'f16');
  if (!unit) throw new Error('no unit');
  return unit;
}

async function messagesOf(code: string): Promise<string[]> {
  const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
  return messages.map(({ lineNum, message }) => `${lineNum}: ${message}`);
}

describe('every tile of the tuner, 16 x 16 x 16 and subgroups of 32', () => {
  it('is laid out for 48 KiB', () => {
    expect(
      matmulVariants(NVIDIA_FACTS, spec)
        .filter((name) => name.startsWith('matrix-'))
        .sort(),
    ).toEqual(MATRIX_TILES.map(tileName).sort());
  });
  for (const tile of MATRIX_TILES)
    for (const form of ['unrolled', 'rolled'] as const)
      it(`${tileName(tile)}, ${form}`, async () => {
        const facts: DeviceFacts = { ...NVIDIA_FACTS, kind: form === 'rolled' ? 'software' : 'gpu' };
        const plan = planMatmul(facts, spec, tileName(tile) as MatmulVariant);
        expect(await messagesOf(plan.sources.join('\n'))).toEqual([]);
        const fits = (layTile(unitOf(facts), tile, 'nk')?.stageSize ?? Infinity) * 16 <= here;
        if (fits && tile.invocations <= engine.facts.limits.maxComputeInvocationsPerWorkgroup)
          await engine.pipelines.get(plan);
      });
  it.each(['nk', 'kn'] as const)('small tiles make pipelines, order %s', async (order) => {
    const facts = { ...NVIDIA_FACTS, limits: engine.facts.limits };
    const own = matmulVariants(facts, { ...spec, w: { dtype: 'bf16', order } }).filter((name) =>
      name.startsWith('matrix'),
    );
    expect(own.length).toBeGreaterThanOrEqual(3);
    for (const variant of own)
      await engine.pipelines.get(planMatmul(facts, { ...spec, w: { dtype: 'bf16', order } }, variant));
  });
});

describe('generated text', () => {
  const formats = [
    { ...spec, x: { dtype: 'f16' } },
    { ...spec, w: { dtype: 'bf16', order: 'kn' }, bias: true, activation: 'gelu_tanh' },
    { ...spec, w: { dtype: 'i8', order: 'nk' }, add: 'gated', gate: { indexed: true } },
    { ...spec, w: { dtype: 'f32', order: 'nk', offset: 1 }, add: 'residual' },
    { ...spec, w: { dtype: 'i4', order: 'nk' }, xScale: 2 ** -7 },
    { ...spec, x: { dtype: 'i8' }, w: { dtype: 'i8', order: 'nk' } },
    { ...spec, k: 100, x: { dtype: 'i8' }, w: { dtype: 'i8', order: 'nk' } },
  ] as const satisfies readonly MatmulSpec[];
  it.each([
    ['NVIDIA', NVIDIA_FACTS],
    ['lavapipe', LAVAPIPE_FACTS],
  ])('keeps the rules of shaders on %s', (_, facts) => {
    for (const format of formats)
      for (const variant of matmulVariants(facts, format).filter((name) => name.startsWith('matrix-'))) {
        const text = planMatmul(facts, format, variant).sources.join('\n');
        expect(lintShader('kernels/matmul/generated.wgsl', text)).toEqual([]);
        // A driver crashed on modules that mix matrices with arithmetic across a subgroup (kernels 2.1).
        expect(text).not.toMatch(/subgroup(Add|Max|Min|Mul|Shuffle|Broadcast)/);
      }
  });

  it('the linter sees faults in it', () => {
    const plan = planMatmul(NVIDIA_FACTS, spec, tileName(MATRIX_TILES[0]) as MatmulVariant);
    const text = plan.sources.join('\n');
    const faulty = text.replace(/(var sum_0_0) = [^;]*;/, '$1: f32;');
    expect(faulty).not.toBe(text);
    expect(lintShader('x.wgsl', faulty).map(({ rule }) => rule)).toEqual(['initialiser']);
  });

  it('says at its head what it is', () => {
    const { sources } = planMatmul(NVIDIA_FACTS, spec, 'matrix-128x128x32-t128-b2');
    expect(sources.join('\n')).toContain('//   2 x 2 subgroups of 32, each 4 x 4 fragments of 16 x 16 x 16\n');
    const software = planMatmul(LAVAPIPE_FACTS, spec, 'matrix-128x128x32-t128-b1').sources.join('\n');
    expect(software).toContain('//   4 x 4 subgroups of 8, each 4 x 4 fragments of 8 x 8 x 8\n');
    expect(software).toContain('@subgroup_size(8)');
  });
});

describe('matrixUnit', () => {
  it('takes the widest shape with f32 sums, never one with f16 sums', () => {
    expect(unitOf(NVIDIA_FACTS)).toMatchObject({ m: 16, n: 16, k: 16, result: 'f32', form: 'unrolled' });
    expect(unitOf(LAVAPIPE_FACTS)).toMatchObject({ m: 8, n: 8, k: 8, subgroupSize: 8, form: 'rolled' });
    const halfSums = { ...NVIDIA_FACTS, matrixConfigs: NVIDIA_FACTS.matrixConfigs.slice(0, 1) };
    expect(matrixUnit(halfSums, 'f16')).toBeUndefined();
  });

  it('wants f16 for f16, and a subgroup size that is known', () => {
    expect(matrixUnit({ ...NVIDIA_FACTS, f16: false }, 'f16')).toBeUndefined();
    expect(matrixUnit({ ...NVIDIA_FACTS, f16: false }, 'i8')).toMatchObject({ k: 32, result: 'i32' });
    const unknown = { ...NVIDIA_FACTS, subgroupSizeControl: false, subgroupMinSize: 16, subgroupMaxSize: 64 };
    expect(matrixUnit(unknown, 'f16')).toBeUndefined();
    expect(matrixUnit({ ...unknown, subgroupSizeControl: true }, 'f16')).toMatchObject({ subgroupSize: 32 });
    expect(matrixUnit({ ...NVIDIA_FACTS, subgroupSizeControl: false }, 'f16')).toMatchObject({ setsSize: false });
  });
});

describe('planMatmul on devices with matrices', () => {
  const choice = (facts: DeviceFacts, other: Partial<MatmulSpec> = {}) =>
    matmulVariants(facts, { ...spec, ...other })[0];
  it('takes the matrix unit where it is faster and x is all that is rounded', () => {
    expect(choice(NVIDIA_FACTS)).toBe('matrix-128x128x32-t128-b2');
    expect(choice(NVIDIA_FACTS, { m: 128, n: 512 })).toBe('matrix-32x32x32-t64-b1');
    expect(choice(NVIDIA_FACTS, { m: 2 })).toBe('gemv');
    expect(choice(NVIDIA_FACTS, { w: { dtype: 'f32', order: 'nk' } })).toBe('tiled128');
    expect(choice(LAVAPIPE_FACTS)).toMatch(/^outer/);
  });
  it('takes it wherever it can where it is preferred, nowhere where it is not', () => {
    expect(choice({ ...LAVAPIPE_FACTS, preferMatrix: true }, { w: { dtype: 'f32', order: 'nk' } })).toBe(
      'matrix-64x64x32-t128-b2',
    );
    expect(choice({ ...NVIDIA_FACTS, preferMatrix: false })).toBe('tiled128');
  });
  it('refuses factors of x that are no powers of two', () => {
    expect(() => planMatmul(NVIDIA_FACTS, { ...spec, xScale: 0.3 })).toThrow(
      'matmul: xScale must be a power of two, got 0.3.',
    );
  });
});
