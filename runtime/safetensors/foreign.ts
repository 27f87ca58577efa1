/** Another file format, and what to do about it. */
export interface ForeignFormat {
  readonly what: string;
  readonly remedy: string;
}

const CONVERT = 'Convert it with safetensors.torch.save_file in a Python you trust: pickled checkpoints run code.';
const DOWNLOAD = 'The download did not deliver the file; fetch it again.';

/**
 * Recognises what people hand over by mistake, so that the message can say more than "header too large".
 * @param start The file's first bytes, at least 8.
 */
export function foreignFormat(start: Uint8Array): ForeignFormat | undefined {
  const has = (...bytes: number[]): boolean => bytes.every((byte, i) => start[i] === byte);
  const text = String.fromCharCode(...start.subarray(0, 16)).toLowerCase();
  if (has(0x80) && (start[1] ?? 0) >= 2 && (start[1] ?? 0) <= 5) return { what: 'a Python pickle', remedy: CONVERT };
  if (has(0x50, 0x4b, 0x03, 0x04))
    return { what: 'a zip archive (perhaps a PyTorch .pt or .bin file)', remedy: CONVERT };
  if (text.startsWith('gguf')) return { what: 'a GGUF file', remedy: 'Use the safetensors edition of the checkpoint.' };
  if (has(0x1f, 0x8b)) return { what: 'gzip data', remedy: 'Give the file a name that ends in .safetensors.gz.' };
  if (text.startsWith('<!doctype') || text.startsWith('<html')) return { what: 'an HTML page', remedy: DOWNLOAD };
  if (text.startsWith('version https:'))
    return { what: 'a Git LFS pointer', remedy: 'Run `git lfs pull` to fetch the file itself.' };
  return undefined;
}
