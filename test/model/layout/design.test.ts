import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { designJsonSchema } from '../../../model/layout/design-schema.ts';
import { createDesign, parseDesign, validateDesign, writeDesign } from '../../../model/layout/design.ts';
import type { DesignLimits } from '../../../model/layout/design.ts';
import { flattenLayers } from '../../../model/layout/flatten.ts';
import { LayoutError } from '../../../runtime/errors.ts';

type Json = Record<string, unknown>;

const base = (): Json & { canvas: Json; layers: Json[] } => ({
  format: 'layered-design/1',
  canvas: { width: 64, height: 48 },
  layers: [
    { id: 'bg', kind: 'background', z: 0, box: null, source: { uri: 'bg.png' } },
    { id: 'a', kind: 'image', z: 1, box: [-8, 0, 20, 30], source: { uri: 'a.png' } },
    { id: 'b', kind: 'text', z: 2, box: [0, 0, 16, 16] },
  ],
});

const refusal = (value: unknown, path?: string, limits?: DesignLimits): LayoutError => {
  try {
    validateDesign(value, path, limits);
  } catch (error) {
    if (error instanceof LayoutError) return error;
    throw error;
  }
  throw new Error('was accepted');
};

describe('validateDesign', () => {
  it('says rule, value, file, place and remedy in one line', () => {
    const design = base();
    design.layers[2]!['box'] = [5, 5, 5, 9];
    expect(refusal(design, 'poster.json').message).toBe(
      'design: a box has x1 > x0 and y1 > y0, got [5, 5, 5, 9] (poster.json: layers[2].box). Give [x0, y0, x1, y1], the far corner excluded.',
    );
    design.layers[2]!['box'] = [0, 0, 97, 16];
    expect(refusal(design).message).toBe(
      'design: a box reaches at most maxRatio x the canvas side beyond each side, got [0, 0, 97, 16] where [-32, -24, 96, 72] is allowed (layers[2].box). Shrink the box or raise canvas.overflow.maxRatio.',
    );
  });

  it('bounds the message, whatever the value', () => {
    const design = base();
    design.layers[1]!['id'] = 'x'.repeat(1_000_000);
    const error = refusal(design);
    expect(error.rule).toBe('invalid-id');
    expect(error.message.length).toBeLessThan(300);
  });

  it('returns a copy and leaves the value alone', () => {
    const design = base();
    const before = structuredClone(design);
    const copy = validateDesign(design);
    copy.canvas.width = 1;
    expect(design).toEqual(before);
  });

  it('refuses cyclic values, functions and instances of classes', () => {
    const cyclic = base();
    cyclic['self'] = cyclic;
    expect(refusal(cyclic).rule).toBe('too-deep');
    expect(refusal({ ...base(), made: () => 1 }).rule).toBe('invalid-type');
    expect(refusal({ ...base(), made: new Date(0) }).rule).toBe('invalid-type');
    expect(refusal({ ...base(), made: 1n }).rule).toBe('invalid-type');
    expect(refusal(undefined).rule).toBe('not-object');
  });

  it('does not take inherited fields for fields', () => {
    const { format, ...rest } = base();
    const heir = Object.assign(Object.create({ format }) as Json, rest);
    expect(() => validateDesign(heir)).toThrow(LayoutError);
    const bare = Object.assign(Object.create(null) as Json, base());
    expect(validateDesign(bare).layers).toHaveLength(3);
  });

  it('drops a field __proto__ and keeps every other unknown field in place', () => {
    const text =
      '{"__proto__":{"polluted":1},"format":"layered-design/1","canvas":{"width":8,"height":8,"x":{"constructor":[1]}},"layers":[{"id":"bg","kind":"background","z":0,"zz":null}]}';
    const design = parseDesign(text) as Json;
    expect(Object.keys(design)).toEqual(['format', 'canvas', 'layers']);
    expect(design['canvas']).toEqual({ width: 8, height: 8, x: { constructor: [1] } });
    expect(Object.getPrototypeOf(design)).toBe(Object.prototype);
  });

  it('follows the limits of a manifest', () => {
    const design = base();
    design.layers[2]!['box'] = [0, 0, 120, 16];
    expect(refusal(design).rule).toBe('overflow-cap');
    expect(validateDesign(design, undefined, { maxRatio: 1 }).layers).toHaveLength(3);
    expect(validateDesign(design, undefined, { overflow: 'clip' }).layers).toHaveLength(3);
    expect(refusal(design, undefined, { i2lOutside: 'clip' }).rule).toBe('overflow-cap');
    const split = { ...design, task: { type: 'i2l', image: { uri: 'flat.png' } } };
    expect(validateDesign(split, undefined, { i2lOutside: 'clip' }).layers).toHaveLength(3);
    expect(refusal(base(), undefined, { maxLayers: 1 }).rule).toBe('too-many-layers');
    // The document's own cap wins.
    design.canvas['overflow'] = { maxRatio: 0.1 };
    expect(refusal(design, undefined, { maxRatio: 1 }).rule).toBe('overflow-cap');
  });

  it('needs no pixels of a hidden layer that is kept', () => {
    const design = { ...base(), task: { type: 'add', targets: ['a'] } };
    expect(refusal(design).rule).toBe('missing-source');
    design.layers[2]!['visible'] = false;
    expect(validateDesign(design).task?.type).toBe('add');
  });

  it('takes a document without a task, and none whose task is null', () => {
    expect(validateDesign(base()).task).toBeUndefined();
    expect(refusal({ ...base(), task: null }).rule).toBe('unknown-task');
  });

  it.each([
    ['a.png', true],
    ['dir/a..b/c.png', true],
    ['层/a 1.png', true],
    ['data:image/webp;base64,UklGRg==', true],
    ['a/../b.png', false],
    ['..', false],
    ['a/..', false],
    ['//host/a.png', false],
    [' javascript:alert(1)', false],
    ['a.png:stream', false],
    ['a%2Fb.png', false],
    ['a%5cb.png', false],
    ['a%00.png', false],
    ['data:image/png', false],
    ['data:image/pngx;base64,AA', false],
  ])('uri %j is allowed: %s', (uri, isAllowed) => {
    const design = base();
    design.layers[1]!['source'] = { uri };
    if (isAllowed) expect(validateDesign(design).layers).toHaveLength(3);
    else expect(refusal(design).rule).toBe('invalid-uri');
  });

  it('counts id characters, not UTF-16 units, and takes no lone surrogate', () => {
    const design = base();
    design.layers[1]!['id'] = '🌷'.repeat(256);
    expect(validateDesign(design).layers).toHaveLength(3);
    design.layers[1]!['id'] = '🌷'.repeat(257);
    expect(refusal(design).rule).toBe('invalid-id');
    design.layers[1]!['id'] = '\ud83c';
    expect(refusal(design).rule).toBe('invalid-id');
  });

  it('never throws anything but LayoutError, and what it accepts it writes and reads back', () => {
    const seeds = fc.constantFrom(
      'format',
      'canvas',
      'layers',
      'id',
      'kind',
      'z',
      'box',
      'children',
      'task',
      'type',
      '__proto__',
      'uri',
      'source',
    );
    const leaf = fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.double(),
      fc.integer(),
      fc.string(),
      fc.constantFrom('group', 'background', 'add', 'layered-design/1'),
    );
    const json = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(seeds, tie('value'), { maxKeys: 6 }),
      ),
    })).value;
    const path = fc.constantFrom(
      ['canvas'],
      ['layers'],
      ['layers', 0],
      ['layers', 1],
      ['layers', 1, 'box'],
      ['layers', 1, 'kind'],
      ['task'],
      ['sampling'],
      ['result'],
      ['layers', 0, 'children'],
    );
    fc.assert(
      fc.property(path, json, (place, value) => {
        const design = base() as Record<string | number, unknown>;
        let at = design;
        for (const key of place.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
        at[place.at(-1)!] = value;
        try {
          const read = validateDesign(design);
          expect(parseDesign(writeDesign(read))).toEqual(JSON.parse(JSON.stringify(read)));
        } catch (error) {
          expect(error).toBeInstanceOf(LayoutError);
        }
      }),
      { numRuns: 400, seed: 7 },
    );
  });
});

describe('parseDesign', () => {
  it.each([
    ['bytes that are no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 'not-json'],
    ['a byte order mark', new TextEncoder().encode('\ufeff{}'), 'not-json'],
    ['100000 open brackets', '['.repeat(100_000), 'too-deep'],
    ['brackets inside a string', `{"a":"${'['.repeat(200)}"}`, 'unknown-format'],
    ['an escaped quote before brackets', `{"a":"\\"${'['.repeat(200)}"}`, 'unknown-format'],
  ])('names %s', (_, source, rule) => {
    expect(() => parseDesign(source)).toThrow(expect.objectContaining({ rule }) as Error);
  });
});

describe('flattenLayers', () => {
  it('multiplies opacity and joins visibility along groups, in document order', () => {
    const design = createDesign(16, 16);
    const leaf = (id: string, z: number) => ({
      id,
      kind: 'image' as const,
      z,
      box: [0, 0, 1, 1] as [number, number, number, number],
    });
    design.layers.push(
      {
        id: 'g',
        kind: 'group',
        opacity: 0.5,
        children: [
          { ...leaf('x', 1), opacity: 0.5 },
          { id: 'h', kind: 'group', visible: false, children: [leaf('y', 2)] },
        ],
      },
      leaf('w', 3),
    );
    const { leaves, nodes } = flattenLayers(validateDesign(design).layers);
    expect(leaves.map(({ layer, visible, opacity, where }) => [layer.id, visible, opacity, where])).toEqual([
      ['background', true, 1, 'layers[0]'],
      ['x', true, 0.25, 'layers[1].children[0]'],
      ['y', false, 0.5, 'layers[1].children[1].children[0]'],
      ['w', true, 1, 'layers[2]'],
    ]);
    expect(nodes.map(({ id }) => id)).toEqual(['background', 'g', 'x', 'h', 'y', 'w']);
  });
});

describe('designJsonSchema', () => {
  it('is draft 2020-12, recursive through groups, and open for unknown fields', () => {
    const schema = designJsonSchema() as {
      $schema: string;
      required: string[];
      additionalProperties: unknown;
      $defs: Record<string, { oneOf?: { properties: Json }[] }>;
    };
    expect(schema.$schema).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(schema.required).toEqual(['format', 'canvas', 'layers']);
    expect(schema.additionalProperties).not.toBe(false);
    expect(Object.keys(schema.$defs).sort()).toEqual(['box', 'layer', 'picture']);
    expect(schema.$defs['layer']!.oneOf![1]!.properties['children']).toEqual({
      type: 'array',
      items: { $ref: '#/$defs/layer' },
    });
    const patterns = [...JSON.stringify(schema).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/gu)].map(
      (match) => JSON.parse(match[1]!) as string,
    );
    expect(patterns.length).toBeGreaterThan(2);
    for (const pattern of patterns) expect(() => new RegExp(pattern, 'u')).not.toThrow();
  });
});
