import fc from 'fast-check';
import { visit } from 'jsonc-parser';
import { describe, expect, test } from 'vitest';
import { isJsonObject, jsonField, parseStrictJson, quote } from '../../../runtime/io/strict-json.ts';

class Fault extends Error {}

function parse(input: string | Uint8Array, maxDepth = 16) {
  return parseStrictJson(input, maxDepth, (fault) => {
    throw new Fault(fault);
  });
}

const faultOf = (input: string | Uint8Array, maxDepth?: number) => {
  try {
    parse(input, maxDepth);
    return 'none';
  } catch (error) {
    return error instanceof Fault ? error.message : `untyped ${String(error)}`;
  }
};

describe('parseStrictJson', () => {
  test('names the first fault', () => {
    expect(faultOf(Uint8Array.of(0x22, 0xff, 0x22))).toBe('not-utf8');
    expect(faultOf('[]'.repeat(2))).toBe('not-json');
    expect(faultOf('\ufeff{}')).toBe('not-json');
    expect(faultOf(Buffer.from('\ufeff{}'))).toBe('not-json');
    expect(faultOf('[[[]]]', 2)).toBe('too-deep');
    expect(faultOf('[[]]', 2)).toBe('none');
    expect(faultOf('"[[[[[["', 2)).toBe('none');
    expect(faultOf('{"a":1,"\\u0061":2}')).toBe('duplicate-key');
    expect(faultOf('{"a":{"b":1},"c":{"b":1},"d":["b","b"]}')).toBe('none');
    expect(faultOf('[{"\\"":1,"\\"":1}]')).toBe('duplicate-key');
    expect(faultOf('{"a\\\\":1,"a":2}')).toBe('none');
  });

  test('a million brackets cost no stack', () => {
    expect(faultOf('['.repeat(1e6) + ']'.repeat(1e6))).toBe('too-deep');
    expect(faultOf('{"a":'.repeat(1e6))).toBe('too-deep');
  });

  test('keeps the order of top-level keys, and own keys like __proto__', () => {
    const { value, keys } = parse('{"b":1,"7":2,"__proto__":{"x":3},"a":4}');
    expect(keys).toEqual(['b', '7', '__proto__', 'a']);
    if (!isJsonObject(value)) throw new Error('no object');
    expect(jsonField(value, '__proto__')).toEqual({ x: 3 });
    expect(jsonField(value, 'constructor')).toBeUndefined();
  });

  test('finds duplicates and keys exactly where jsonc-parser does', () => {
    const key = fc.constantFrom('a', 'b', '\\u0061', '', '\\"', '\\\\', ':', 'a,b', '{');
    const { text } = fc.letrec<{ text: string }>((tie) => ({
      text: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom('1', '"a:"', '" \\" : "', 'null', '[]', '{}'),
        fc.array(tie('text'), { maxLength: 3 }).map((items) => `[ ${items.join(' ,')}]`),
        fc
          .array(fc.tuple(key, tie('text')), { maxLength: 4 })
          .map((fields) => `{${fields.map(([name, value]) => `"${name}" \n:${value}`).join(',')}}`),
      ),
    }));
    fc.assert(
      fc.property(text, (json) => {
        let expected = 'none';
        const open: Set<string>[] = [];
        visit(json, {
          onObjectBegin: () => void open.push(new Set()),
          onObjectEnd: () => void open.pop(),
          onObjectProperty: (name) => {
            if (open.at(-1)?.has(name)) expected = 'duplicate-key';
            open.at(-1)?.add(name);
          },
        });
        expect(faultOf(json, 100)).toBe(expected);
      }),
      { seed: 1, numRuns: 400 },
    );
  });
});

test('quote gives one short line', () => {
  expect(quote('a\n"b"')).toBe('"a\\n\\"b\\""');
  expect(quote('x'.repeat(200))).toHaveLength(80);
  expect(quote([1, null])).toBe('[1,null]');
  expect(quote(3n)).toBe('3');
});
