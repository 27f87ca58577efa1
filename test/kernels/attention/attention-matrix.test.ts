import { describe, expect, it } from 'vitest';
import {
  attentionVariants,
  packBlocks,
  planAttention,
  type AttentionOptions,
} from '../../../kernels/attention/attention.ts';
import { ShapeError } from '../../../kernels/errors.ts';
import { FLOOR_FACTS, type DeviceFacts } from '../../../kernels/facts.ts';
import { createEngine } from '../../../runtime/engine.ts';
import { openDawn } from '../../../runtime/node/dawn.ts';
import { LAVAPIPE_FACTS, NVIDIA_FACTS } from '../../support/matrix-facts.ts';

const linter = '../../../tools/lint/wgsl.mjs';
const { lintShader } = (await import(linter)) as { lintShader: (file: string, text: string) => readonly unknown[] };
const engine = await createEngine({ gpu: await openDawn({ backend: 'null' }) });
const options: AttentionOptions = { queryRows: 4352, keyRows: 4352, heads: 24, headDim: 128, keyNorm: 12 };

async function messagesOf(code: string): Promise<string[]> {
  const { messages } = await engine.device.createShaderModule({ code }).getCompilationInfo();
  return messages.map(({ lineNum, message }) => `${lineNum}: ${message}`);
}

describe('attention on a matrix unit', () => {
  const forms: readonly (readonly [string, Partial<AttentionOptions>])[] = [
    ['heads of 128', {}],
    ['heads of 64', { headDim: 64 }],
    ['an odd head', { headDim: 18 }],
    ['mask and lse', { masked: true, lse: true, headDim: 64 }],
    ['packed', { blocks: 70, lse: true, headDim: 64 }],
    ['K and V in f16', { keyValues: 'f16', headDim: 64 }],
  ];
  it.each(forms)('compiles and keeps the rules of shaders: %s', async (_, form) => {
    for (const facts of [NVIDIA_FACTS, LAVAPIPE_FACTS, { ...NVIDIA_FACTS, limits: engine.facts.limits }]) {
      const own = { ...options, ...form };
      if (!attentionVariants(facts, own).includes('matrix')) continue;
      const plan = planAttention(facts, own, 'matrix');
      const text = plan.sources.join('\n');
      expect(await messagesOf(text)).toEqual([]);
      expect(lintShader('kernels/attention/generated.wgsl', text)).toEqual([]);
      expect(text).not.toMatch(/subgroup(Add|Max|Min|Mul|Shuffle|Broadcast)/);
      if (facts.limits === engine.facts.limits) await engine.pipelines.get(plan);
    }
  });

  it('lays out for the memory of the device', () => {
    const variantOf = (facts: DeviceFacts, headDim: number) =>
      planAttention(facts, { ...options, headDim }, 'matrix').variant;
    expect(variantOf(NVIDIA_FACTS, 128)).toBe('matrix,vec4,64x64,W=128,static');
    expect(variantOf(LAVAPIPE_FACTS, 128)).toBe('matrix,vec4,32x32,W=128,static');
    expect(variantOf({ ...NVIDIA_FACTS, limits: engine.facts.limits }, 64)).toBe('matrix,vec4,32x32,W=64,static');
    expect(attentionVariants(NVIDIA_FACTS, { headDim: 384 })).toEqual(['flash', 'rowwise']);
  });

  it('reads rows of f16 as they lie, up to the next multiple of 64', () => {
    const { bindings, sources } = planAttention(NVIDIA_FACTS, { ...options, keyRows: 4300, keyValues: 'f16' });
    const bytes = Object.fromEntries(bindings.map(({ name, byteLength }) => [name, byteLength]));
    expect([bytes.k, bytes.v]).toEqual([4352 * 3072 * 2, 4352 * 3072 * 2]);
    expect(sources.join('\n')).not.toContain('stage_keys');
    expect(attentionVariants({ ...NVIDIA_FACTS, f16: false }, { ...options, keyValues: 'f16' })).toEqual([]);
  });

  it('is chosen where q and k are normalised, or where matrices are preferred', () => {
    expect(attentionVariants(NVIDIA_FACTS, options)[0]).toBe('matrix');
    expect(attentionVariants(NVIDIA_FACTS, { headDim: 128 })[0]).toBe('flash');
    expect(attentionVariants(LAVAPIPE_FACTS, options)[0]).toBe('rowwise');
    expect(attentionVariants({ ...LAVAPIPE_FACTS, preferMatrix: true }, { headDim: 16 })[0]).toBe('matrix');
    expect(attentionVariants({ ...NVIDIA_FACTS, preferMatrix: false }, options)[0]).toBe('flash');
  });

  it('cuts packed sequences into blocks', () => {
    expect([...packBlocks([40, 1, 3], 32)]).toEqual([0, 32, 0, 40, 32, 40, 0, 40, 40, 41, 40, 41, 41, 44, 41, 44]);
    expect(() => packBlocks([3, 0], 32)).toThrow('attention: a packed sequence needs at least 1 row, got 0.');
  });

  it.each([
    [{ lse: true, variant: 'flash' }, 'attention: lse needs variant "matrix", got "flash".'],
    [{ blocks: 3, causal: { offset: 0 }, variant: 'matrix' }, 'attention: packed sequences cannot be causal.'],
    [
      { keyValues: 'f16', variant: 'flash' },
      'attention: keyValues "f16" needs a variant of the matrix unit, got "flash".',
    ],
    [{ keyValues: 'f16', masked: true }, 'attention: keyValues "f16" takes no mask, got masked true.'],
    [{ keyValues: 'f16', blocks: 3 }, 'attention: keyValues "f16" takes no packed sequences, got blocks 3.'],
    [{ keyValues: 'f16', vScale: 0.5 }, 'attention: keyValues "f16" takes no vScale but 1, got 0.5.'],
    [
      { keyValues: 'f16', k: { offset: 4, stride: 3072 } },
      'attention: keyValues "f16" needs k.offset to be a multiple of 8, got 4.',
    ],
    [
      { keyValues: 'f16', v: { stride: 3076 }, variant: 'matrix' },
      'attention: keyValues "f16" needs v.stride to be a multiple of 8, got 3076.',
    ],
    [{ keyValues: 'f16', q: { offset: 2 } }, 'attention: keyValues "f16" needs q.offset to be a multiple of 4, got 2.'],
    [
      { keyValues: 'f16', headDim: 24 },
      'attention: keyValues "f16" needs a matrix unit and headDim a multiple of 16 up to 128, got headDim 24.',
    ],
    [
      { keyValues: 'f16', headDim: 72, variant: 'matrix' },
      'attention: keyValues "f16" needs a matrix unit and headDim a multiple of 16 up to 128, got headDim 72.',
    ],
    [
      { keyValues: 'f16', headDim: 144 },
      'attention: keyValues "f16" needs a matrix unit and headDim a multiple of 16 up to 128, got headDim 144.',
    ],
    [{ vScale: 0.3, variant: 'matrix' }, 'attention: vScale must be a power of two, got 0.3.'],
    [
      { headDim: 200, variant: 'matrix' },
      'attention: variant "matrix" does not fit headDim 200 on this device. Use another one.',
    ],
  ] as const)('refuses %j', (asked, message) => {
    const { variant, ...extra } = { variant: undefined, ...asked };
    expect(() => planAttention(NVIDIA_FACTS, { ...options, ...extra }, variant)).toThrow(new ShapeError(message));
  });

  it('refuses K and V of f16 where there is no matrix unit', () => {
    expect(() => planAttention(FLOOR_FACTS, { ...options, keyValues: 'f16' })).toThrow(
      'attention: keyValues "f16" needs a matrix unit and headDim a multiple of 16 up to 128, got headDim 128 and no unit.',
    );
  });

  it('reads q and writes out of K and V in f16 at multiples of 4', () => {
    const view = { offset: 4, stride: 3076 };
    const { variant } = planAttention(NVIDIA_FACTS, { ...options, keyValues: 'f16', q: view, out: view });
    expect(variant).toMatch(/^matrix,vec4,.*,direct$/);
  });
});
