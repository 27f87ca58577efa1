import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runFiles } from '../../../tools/golden/files.ts';

const folder = join(import.meta.dirname, '../../golden/files');

describe('valid and hostile files', () => {
  test('every vector gives the stated contents or rule, in bounded time and memory', async () => {
    const { passed, lines } = await runFiles([folder]);
    expect(lines.filter((line) => !line.startsWith('ok'))).toEqual([]);
    expect(passed).toBe(869);
  });

  test('the runner fails where a vector is accepted, refused by another rule, or absent', async () => {
    const wrong = await mkdtemp(join(tmpdir(), 'layerloom-files-'));
    try {
      const file = { sized: [{ text: '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}' }] };
      const vectors = [
        { name: 'accepted', rule: 'bad-shape', parts: [file, { zeros: 1 }] },
        { name: 'other-rule', rule: 'bad-shape', parts: [file, { zeros: 2 }] },
        { name: 'right-rule', rule: 'bad-shape', also: ['trailing-bytes'], parts: [file, { zeros: 2 }] },
      ];
      await writeFile(join(wrong, 'hostile-safetensors.json'), JSON.stringify({ error: 'E_CHECKPOINT', vectors }));
      const { lines, passed, failed } = await runFiles([wrong]);
      expect(lines).toEqual([
        'FAIL safetensors/accepted hostile-safetensors rule accepted bad-shape',
        'FAIL safetensors/other-rule hostile-safetensors rule trailing-bytes bad-shape',
        'ok   safetensors/right-rule hostile-safetensors rule trailing-bytes bad-shape|trailing-bytes',
      ]);
      expect([passed, failed]).toEqual([1, 2]);
      expect((await runFiles([join(wrong, 'nothing')])).failed).toBe(1);
    } finally {
      await rm(wrong, { recursive: true });
    }
  });
});
