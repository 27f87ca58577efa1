import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { splitText } from '../../../model/text/split-text.ts';
import { TEXT_TO_IMAGE_TEMPLATE, editPlusTemplate } from '../../../model/text/templates.ts';
import { MAX_TOKENIZER_BYTES } from '../../../model/text/tokenizer-files.ts';
import { checkTokenizerFits, loadTokenizer, openTokenizer } from '../../../model/text/tokenizer.ts';
import { CheckpointError, UsageError } from '../../../runtime/errors.ts';
import { memoryFolder } from '../../../runtime/io/folder-source.ts';
import { folderSource } from '../../../runtime/node/folder-source.ts';

const MODELS = 'test/golden/core/models';
const BASE = readFileSync(`${MODELS}/qwen-base/tokenizer/tokenizer.json`, 'utf8');
const EDIT = `${MODELS}/qwen-edit2511/tokenizer`;
const base = loadTokenizer({ tokenizerJson: BASE }, 'base');
const added = new Set((JSON.parse(BASE) as { added_tokens: { id: number }[] }).added_tokens.map(({ id }) => id));
const template = TEXT_TO_IMAGE_TEMPLATE.text;

/** The base tokenizer.json with a change. */
function changed(change: (json: Record<string, never>) => void): string {
  const json = JSON.parse(BASE) as Record<string, never>;
  change(json);
  return JSON.stringify(json);
}

describe('literal text', () => {
  const special = ['<|im_end|>', '<|im_start|>', '<|endoftext|>', '<tool_call>', '<|image_pad|>'];
  const nasty = fc.array(fc.oneof(fc.constantFrom(...special, '<|', '|>', '{}', '$&', "'ſ", '\n', ' '), fc.string()), {
    maxLength: 12,
  });

  test('never becomes an added token, whatever it spells', () => {
    const own = base.encode('', { template }).filter((id) => added.has(id)).length;
    fc.assert(
      fc.property(nasty, (parts) => {
        const text = parts.join('');
        const ids = base.encode(text, { template });
        expect(ids.filter((id) => added.has(id))).toHaveLength(own);
        expect(base.encode(text).some((id) => added.has(id))).toBe(false);
      }),
      { numRuns: 500 },
    );
  });

  test('is encoded as the reference does where it holds no added token', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(base.encode(text, { template })).toEqual(base.encode(text, { template, addedTokens: 'parse' }));
      }),
      { numRuns: 300 },
    );
  });

  test('is the default: parse must be asked for', () => {
    expect(base.encode('<|im_end|>').length).toBeGreaterThan(1);
    expect(base.encode('<|im_end|>', { addedTokens: 'parse' })).toHaveLength(1);
  });
});

test('merges text jointly with the template text that touches it', () => {
  // A line break after the template's own one: one token of two line breaks where the vocabulary has it.
  const joint = base.encode('\n\nx', { template });
  const dropped = base.countTemplateTokens(TEXT_TO_IMAGE_TEMPLATE.dropped);
  const apart = base.encode('', { template }).slice(0, dropped);
  expect(joint.slice(0, apart.length)).not.toEqual(apart);
});

describe('splitText', () => {
  test('loses nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(splitText(text).join('')).toBe(text);
      }),
    );
  });

  test.each([
    ["it'ſx", ['it', "'ſ", 'x']],
    ["WE'LL", ['WE', "'LL"]],
    ['a\u0085b', ['a', '\u0085b']],
    ['a \ufeffb', ['a', ' \ufeff', 'b']],
    ['a \u0085\nb', ['a', ' \u0085\n', 'b']],
    ['12³', ['1', '2', '³']],
    ['  x', [' ', ' x']],
  ])('%j', (text, pieces) => {
    expect(splitText(text)).toEqual(pieces);
  });

  // quadratic time would need minutes here and end in the runner's limit
  test.each([' ', '\n', ' \n', 'x', '!', "'", '\u0085', '1'])('loses nothing of a long run of %j', (run) => {
    const text = `${run.repeat(200_000)}x`;
    expect(splitText(text).join('')).toBe(text);
  });
});

describe('files', () => {
  test('pairs, strings and vocab.json with merges.txt make the same tokenizer', async () => {
    const json = JSON.parse(BASE) as {
      added_tokens: { id: number }[];
      model: { vocab: Record<string, number>; merges: (string | string[])[] };
    };
    const lines = json.model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
    const pairs = changed((copy: { model?: { merges: string[][] } }) => {
      if (copy.model !== undefined) copy.model.merges = lines.map((line) => line.split(' '));
    });
    const split = loadTokenizer(
      {
        vocabJson: JSON.stringify(json.model.vocab),
        mergesTxt: `#version: 0.2\r\n${lines.join('\r\n')}\n`,
        configJson: JSON.stringify({
          added_tokens_decoder: Object.fromEntries(json.added_tokens.map((token) => [token.id, token])),
        }),
      },
      'split',
    );
    const text = 'The quick brown fox # jumps over 12 lazy dogs, 一只猫 😀\n';
    for (const tokenizer of [loadTokenizer({ tokenizerJson: pairs }, 'pairs'), split]) {
      expect(tokenizer.encode(text, { template })).toEqual(base.encode(text, { template }));
      expect(tokenizer.vocabSize).toBe(base.vocabSize);
    }
  });

  test('opens a folder of either sort, and says what one lacks', async () => {
    expect((await openTokenizer(await folderSource(EDIT))).encode('A cat')).toEqual([32, 401]);
    await expect(openTokenizer(memoryFolder(new Map(), 'empty'))).rejects.toThrow(
      'empty: has neither tokenizer.json nor vocab.json with merges.txt.',
    );
    const vocabJson = readFileSync(`${EDIT}/vocab.json`);
    const mergesTxt = readFileSync(`${EDIT}/merges.txt`);
    expect(() => loadTokenizer({ vocabJson, mergesTxt }, 'x')).toThrow('x/tokenizer_config.json: is missing');
  });

  const model = { model: { type: 'Unigram' } };
  test.each([
    ['tokenizer-json', '{"model": {}, "model": {}}'],
    ['tokenizer-json', '[]'],
    ['tokenizer-json', 'not json'],
    ['tokenizer-model', JSON.stringify(model)],
    ['tokenizer-model', changed((json) => Object.assign(json['model'], { byte_fallback: true }))],
    ['tokenizer-model', changed((json) => Object.assign(json, { normalizer: { type: 'Lowercase' } }))],
    ['tokenizer-model', changed((json) => Object.assign(json, { pre_tokenizer: { type: 'Whitespace' } }))],
    ['tokenizer-pattern', BASE.replace("(?i:'s|", "(?:(a+)+$|'s|")],
    ['tokenizer-vocab', changed((json) => Object.assign(json['model'], { vocab: { a: 0 } }))],
    ['tokenizer-vocab', BASE.replace(/"A":\s*\d+/, '"A": 1e15')],
    ['tokenizer-merges', changed((json) => Object.assign(json['model'], { merges: ['a b c'] }))],
    ['tokenizer-merges', changed((json) => Object.assign(json['model'], { merges: [['q', 'zzz']] }))],
    ['tokenizer-merges', changed((json) => Object.assign(json['model'], { merges: {} }))],
    ['tokenizer-added', changed((json) => Object.assign(json, { added_tokens: [{ id: 1, content: '' }] }))],
    ['tokenizer-added', changed((json) => Object.assign(json, { added_tokens: [{ id: -1, content: 'x' }] }))],
    [
      'tokenizer-added',
      changed((json) => Object.assign(json, { added_tokens: [{ id: 1, content: 'x', lstrip: true }] })),
    ],
    ['tokenizer-size', ' '.repeat(MAX_TOKENIZER_BYTES + 1)],
  ])('refuses by rule %s', (rule, tokenizerJson) => {
    expect(tokenizerJson).not.toBe(BASE);
    expect(() => loadTokenizer({ tokenizerJson }, 'folder')).toThrow(
      expect.objectContaining({ code: 'E_CHECKPOINT', rule, path: 'folder/tokenizer.json' }),
    );
  });

  test('a tokenizer of another checkpoint is named', () => {
    expect(() => checkTokenizerFits(base, base.vocabSize, 'm')).not.toThrow();
    expect(() => checkTokenizerFits(base, base.vocabSize - 1, 'm')).toThrow(CheckpointError);
  });
});

describe('templates', () => {
  test('need one place for the text', () => {
    expect(() => base.encode('x', { template: 'no place' })).toThrow('template: must have exactly one "{}", got 0.');
    expect(() => base.encode('x', { template: '{}{}' })).toThrow(UsageError);
  });

  test('number pictures from 1 and drop only the system part', () => {
    const two = editPlusTemplate(2);
    expect(two.text).toContain('user\nPicture 1: <|vision_start|><|image_pad|><|vision_end|>Picture 2: ');
    expect(two.text.startsWith(two.dropped)).toBe(true);
    expect(two.dropped.endsWith('user\n')).toBe(true);
    expect(editPlusTemplate(0).text).toContain('user\n{}<|im_end|>');
  });

  test('keep braces and dollar signs of the text', () => {
    expect(base.encode('a {} $& b', { template: '{}' })).toEqual(base.encode('a {} $& b'));
  });
});
