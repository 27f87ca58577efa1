import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEFAULT_MANIFEST } from '../../../model/manifest/manifest-defaults.ts';
import { designLimits, mergeManifest, parseManifest } from '../../../model/manifest/manifest.ts';
import { ConfigError } from '../../../runtime/errors.ts';

const models = join(import.meta.dirname, '../../golden/core/models');

describe('parseManifest', () => {
  it('is all defaults where nothing is said', () => {
    expect(parseManifest(undefined)).toEqual(DEFAULT_MANIFEST);
    expect(parseManifest('{}')).toEqual(DEFAULT_MANIFEST);
    expect(DEFAULT_MANIFEST.alpha).toEqual({ low: 2 / 255, high: 253 / 255 });
  });

  it.each(['tiny-mrt', 'tiny-mrt-shared'])('reads the manifest of %s', (model) => {
    const path = join(models, model, 'mrt.json');
    const written = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const manifest = parseManifest(readFileSync(path), path);
    expect(manifest).toMatchObject(written);
    expect(Object.keys(manifest)).toEqual(expect.arrayContaining(Object.keys(DEFAULT_MANIFEST)));
  });

  it('keeps unknown keys and drops __proto__', () => {
    const manifest = parseManifest('{"note":{"a":1},"rope":{"__proto__":{"theta":3}}}') as unknown as Record<
      string,
      unknown
    >;
    expect(manifest['note']).toEqual({ a: 1 });
    expect(manifest['rope']).toEqual(DEFAULT_MANIFEST.rope);
    expect(({} as Record<string, unknown>)['theta']).toBeUndefined();
  });

  it.each([
    ['[', 'not-json'],
    ['['.repeat(100), 'too-deep'],
    ['[]', 'not-object'],
    ['{"format":"layerloom-mrt/2"}', 'format'],
    ['{"windowMultiple":24}', 'value'],
    ['{"windowMultiple":0}', 'range'],
    ['{"windowPolicy":"__proto__"}', 'value'],
    ['{"maxLayers":-1}', 'range'],
    ['{"maxLayers":1.5}', 'type'],
    ['{"maxLayers":1e400}', 'type'],
    ['{"regionOrder":["composed","background","foreground"]}', 'value'],
    ['{"regionOrder":["composed","background","foreground","foreground"]}', 'value'],
    ['{"overflow":null}', 'type'],
    ['{"overflow":{"maxRatio":17}}', 'range'],
    ['{"rope":{"theta":0}}', 'range'],
    ['{"rope":{"condLayer":"source"}}', 'value'],
    ['{"rope":{"textStart":1.5}}', 'value'],
    ['{"layerEmbedding":[1]}', 'unsupported'],
    ['{"sampling":{"sigmas":{"8":[1,0]}}}', 'value'],
    ['{"sampling":{"sigmas":{"2":[1,0.5,0.1]}}}', 'value'],
    ['{"sampling":{"sigmas":{"2":[1,1,0]}}}', 'value'],
    ['{"sampling":{"sigmas":{"x":[1,0]}}}', 'value'],
    ['{"sampling":{"fallback":{"terminal":1}}}', 'range'],
    ['{"sampling":{"fallback":{"maxTokens":256}}}', 'value'],
    ['{"sampling":{"tasks":null}}', 'type'],
    ['{"sampling":{"tasks":[]}}', 'type'],
    ['{"sampling":{"tasks":{"t2i":{}}}}', 'task'],
    ['{"sampling":{"tasks":{"__proto__2":{}}}}', 'task'],
    ['{"sampling":{"tasks":{"t2l":2.5}}}', 'type'],
    ['{"sampling":{"tasks":{"t2l":null}}}', 'type'],
    ['{"sampling":{"tasks":{"add":{"cfgScale":-1}}}}', 'range'],
    ['{"sampling":{"tasks":{"add":{"cfgScale":null}}}}', 'type'],
    ['{"sampling":{"tasks":{"i2l":{"steps":0}}}}', 'range'],
    ['{"sampling":{"tasks":{"i2l":{"form":"heun"}}}}', 'value'],
    ['{"sampling":{"tasks":{"i2l":{"sigmas":{"2":[1,0]}}}}}', 'value'],
    ['{"sampling":{"tasks":{"i2l":{"sigmas":[1,0]}}}}', 'type'],
    ['{"sampling":{"tasks":{"restyle":{"fallback":{"timeShift":"cosine"}}}}}', 'value'],
    ['{"sampling":{"tasks":{"restyle":{"fallback":{"maxTokens":256}}}}}', 'value'],
    ['{"prompt":{"template":"no place"}}', 'value'],
    ['{"prompt":{"template":"{} and {}"}}', 'value'],
    ['{"folders":{"encoder":"../vae"}}', 'value'],
    ['{"folders":{"encoder":"/vae"}}', 'value'],
    ['{"folders":{"encoder":"c:vae"}}', 'value'],
    ['{"transparentLatent":["1"]}', 'type'],
  ])('refuses %s as %s', (text, rule) => {
    expect(() => parseManifest(text, 'mrt.json')).toThrow(
      expect.objectContaining({ code: 'E_CONFIG', rule, path: 'mrt.json' }) as Error,
    );
  });

  it('says key, value, file and remedy', () => {
    expect(() => parseManifest({ rope: { origin: 'corner' } }, 'm/mrt.json')).toThrow(
      new ConfigError(
        'manifest: a key has one of its values, got "corner" (m/mrt.json: rope.origin). Correct it, or leave it out for the default.',
        { rule: 'value', path: 'm/mrt.json' },
      ),
    );
  });
});

describe('a task of a manifest', () => {
  it('is named where it is wrong', () => {
    expect(() => parseManifest({ sampling: { tasks: { i2l: {}, paint: { steps: 2 } } } }, 'mrt.json')).toThrow(
      new ConfigError(
        'manifest: sampling.tasks holds t2l, i2l, add and restyle, nothing else, got an object (mrt.json: sampling.tasks.paint). Correct the name, or leave it out.',
        { rule: 'task', path: 'mrt.json' },
      ),
    );
    expect(() => parseManifest({ sampling: { tasks: { add: { sigmas: { 1: [1] } } } } })).toThrow(
      'a key has one of its values, got an object (sampling.tasks.add.sigmas)',
    );
  });
});

describe('mergeManifest', () => {
  it('merges objects key by key and replaces all else whole, changing neither side', () => {
    const base = parseManifest({ sampling: { sigmas: { 2: [1, 0.5, 0] } }, transparentLatent: [1, 2] });
    const before = structuredClone(base);
    const over = {
      sampling: { steps: 4, sigmas: { 4: [1, 0.9, 0.5, 0.2, 0] } },
      transparentLatent: [3],
      regionOrder: ['condition', 'foreground', 'background', 'composed'],
    };
    const merged = mergeManifest(base, over);
    expect(merged.sampling.sigmas).toEqual({ 2: [1, 0.5, 0], 4: [1, 0.9, 0.5, 0.2, 0] });
    expect(merged.sampling.form).toBe('euler');
    expect(merged.transparentLatent).toEqual([3]);
    expect(merged.regionOrder[0]).toBe('condition');
    expect(base).toEqual(before);
    expect(mergeManifest(merged, { transparentLatent: null }).transparentLatent).toBeNull();
  });

  it('hands its limits to the document', () => {
    const limits = designLimits(parseManifest({ maxLayers: 80, overflow: { maxRatio: 1, policy: 'clip' } }));
    expect(limits).toEqual({ maxLayers: 80, maxRatio: 1, overflow: 'clip', i2lOutside: 'clip' });
    expect(designLimits(parseManifest({ maxLayers: 3 })).maxLayers).toBe(50);
  });
});
