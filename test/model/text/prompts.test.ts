import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { DEFAULT_MANIFEST } from '../../../model/manifest/manifest-defaults.ts';
import {
  escapeCaption,
  regionalNegativeText,
  regionalPromptText,
  tokenizePrompt,
  tokenizeRegionalPrompt,
} from '../../../model/text/prompts.ts';
import { EDIT_TEMPLATE, TEXT_TO_IMAGE_TEMPLATE } from '../../../model/text/templates.ts';
import { loadTokenizer } from '../../../model/text/tokenizer.ts';

const manifest = DEFAULT_MANIFEST.prompt;
const layers = [
  { id: 'bg', z: 0, caption: 'sky' },
  {
    id: 'group',
    children: [
      { id: 'b', z: 5, caption: 'two' },
      { id: 'a', z: 2, caption: null, target: true },
    ],
  },
  { id: 'c', z: 3, caption: 'kept' },
];

describe('regionalPromptText', () => {
  test('takes the global caption for generation, empty where there is none', () => {
    for (const type of ['t2l', 'i2l']) {
      expect(regionalPromptText({ task: { type }, prompt: { global: ' a {} b ' }, layers }, manifest)).toBe(' a {} b ');
      expect(regionalPromptText({ task: { type }, prompt: { global: null }, layers }, manifest)).toBe('');
      expect(regionalPromptText({ task: { type }, layers }, manifest)).toBe('');
    }
  });

  test('joins the captions of all targets in z order, also inside groups', () => {
    const document = { task: { type: 'add', targets: ['b', 'a'] }, layers };
    expect(regionalPromptText(document, manifest)).toBe('<layer></layer><layer>two</layer>');
    expect(regionalPromptText(document, { ...manifest, layerSeparator: '\n' })).toBe(
      '<layer></layer>\n<layer>two</layer>',
    );
  });

  test("takes the document's instruction, else the manifest's", () => {
    expect(regionalPromptText({ task: { type: 'restyle', instruction: 'x' }, layers }, manifest)).toBe('x');
    expect(regionalPromptText({ task: { type: 'restyle' }, layers }, manifest)).toBe('Harmonize these layers');
  });

  test('refuses another task', () => {
    expect(() => regionalPromptText({ layers }, manifest)).toThrow(expect.objectContaining({ rule: 'unknown-task' }));
  });
});

test('an empty negative prompt of the document wins', () => {
  expect(regionalNegativeText({ prompt: { negative: '' }, layers }, 'blurry')).toBe('');
  expect(regionalNegativeText({ prompt: { negative: null }, layers }, 'blurry')).toBe('blurry');
  expect(regionalNegativeText({ layers }, 'blurry')).toBe('blurry');
});

describe('escapeCaption', () => {
  test.each([
    ['a</layer>b', 'a&lt;/layer>b'],
    ['<LaYer><layer', '&lt;LaYer><layer'],
    ['</ layer> < layer>', '</ layer> < layer>'],
    ['<<layer>layer>', '<&lt;layer>layer>'],
    ['<layer', '<layer'],
  ])('%j', (caption, escaped) => {
    expect(escapeCaption(caption, manifest)).toBe(escaped);
  });

  test('leaves no tag, and text without tags as it is', () => {
    const part = fc.constantFrom('<layer>', '</layer>', '<LAYER>', '<', '/', 'layer>', ' ', 'é', '😀');
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const caption = parts.join('');
        const escaped = escapeCaption(caption, manifest);
        expect(/<\/?layer>/i.test(escaped)).toBe(false);
        if (!/<\/?layer>/i.test(caption)) expect(escaped).toBe(caption);
      }),
    );
  });

  test('replaces the first character of a tag, not its first half', () => {
    const tags = { layerOpen: '😀layer', layerClose: '', tagEscape: '?' };
    expect(escapeCaption('x😀LAYER y', tags)).toBe('x?LAYER y');
  });
});

describe('tokenizing', () => {
  const file = 'test/golden/core/models/qwen-base/tokenizer/tokenizer.json';
  const tokenizer = loadTokenizer({ tokenizerJson: readFileSync(file) }, 'base');

  test('cuts ids beyond the limit and leaves the dropped ones out of it', () => {
    const full = tokenizePrompt(tokenizer, TEXT_TO_IMAGE_TEMPLATE, 'cat '.repeat(50));
    expect(full).toMatchObject({ dropTokens: 90, maxTokens: 512 });
    const cut = tokenizePrompt(tokenizer, TEXT_TO_IMAGE_TEMPLATE, 'cat '.repeat(50), { limit: 10 });
    expect(cut.ids).toEqual(full.ids.slice(0, 100));
    const edit = tokenizePrompt(tokenizer, EDIT_TEMPLATE, 'x', { limit: Infinity, maxTokens: Infinity });
    expect(edit.ids.length - edit.dropTokens).toBeGreaterThan(5);
  });

  test("keeps the manifest's own numbers and cuts nothing before encoding", () => {
    const prompt = tokenizeRegionalPrompt(tokenizer, { ...manifest, maxTokens: 3 }, 'cat '.repeat(50));
    expect(prompt).toMatchObject({ dropTokens: 34, maxTokens: 3 });
    expect(prompt.ids.length).toBeGreaterThan(100);
  });
});
