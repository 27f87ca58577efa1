import { CheckpointError } from '../../runtime/errors.ts';
import { isJsonObject, jsonField, parseStrictJson, quote } from '../../runtime/io/strict-json.ts';
import type { JsonValue } from '../../runtime/io/strict-json.ts';

/** Text files of a tokenizer folder, as strings or UTF-8 bytes. Either `tokenizerJson`, or `vocabJson` and `mergesTxt`. */
export interface TokenizerFiles {
  readonly tokenizerJson?: string | Uint8Array | undefined;
  readonly vocabJson?: string | Uint8Array | undefined;
  readonly mergesTxt?: string | Uint8Array | undefined;
  /** `tokenizer_config.json`: its `added_tokens_decoder` is read where there is no tokenizer.json. */
  readonly configJson?: string | Uint8Array | undefined;
}

/** A token that is found in the text as it stands and never split. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Whether it is looked for in the NFC form of the text, not in the text itself. */
  readonly normalized: boolean;
}

/** What a byte-level BPE tokenizer is made of, validated. */
export interface TokenizerParts {
  /** Token (in the byte-level alphabet) -> id. Holds all 256 single bytes. */
  readonly vocab: ReadonlyMap<string, number>;
  /** Pairs by falling priority; both halves and their join are in `vocab`. */
  readonly merges: readonly (readonly [string, string])[];
  readonly addedTokens: readonly AddedToken[];
  /** Whether text is brought to NFC before splitting. */
  readonly nfc: boolean;
}

/** Bytes of one tokenizer file that are read at most. The published tokenizer.json has 11 MB. */
export const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;

/** The published split pattern of Qwen2 to Qwen3. It is recognised, never compiled: see `split-text.ts`. */
export const QWEN_SPLIT_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const MAX_DEPTH = 32;
const MAX_TOKEN_ID = 1_048_576 - 1;
const MAX_ADDED_TOKENS = 4096;
const MAX_ADDED_LENGTH = 256;

type Json = { [key: string]: JsonValue };

/**
 * Reads and validates the files of a tokenizer folder.
 *
 * @param path folder, for messages
 * @throws CheckpointError rule `tokenizer-missing`, `tokenizer-size`, `tokenizer-json`, `tokenizer-model`,
 * `tokenizer-pattern`, `tokenizer-vocab`, `tokenizer-merges` or `tokenizer-added`
 */
export function readTokenizerFiles(files: TokenizerFiles, path: string): TokenizerParts {
  if (files.tokenizerJson !== undefined) return readTokenizerJson(files.tokenizerJson, `${path}/tokenizer.json`);
  if (files.vocabJson === undefined || files.mergesTxt === undefined) {
    throw new CheckpointError(`${path}: has neither tokenizer.json nor vocab.json with merges.txt.`, {
      rule: 'tokenizer-missing',
      path,
    });
  }
  const vocab = readVocab(readObject(files.vocabJson, `${path}/vocab.json`), `${path}/vocab.json`);
  const mergesPath = `${path}/merges.txt`;
  const merges = checkMerges(mergeLines(readText(files.mergesTxt, mergesPath)), vocab, mergesPath);
  const configPath = `${path}/tokenizer_config.json`;
  if (files.configJson === undefined) {
    throw new CheckpointError(`${configPath}: is missing; it names the special tokens that vocab.json lacks.`, {
      rule: 'tokenizer-missing',
      path: configPath,
    });
  }
  const decoder = jsonField(readObject(files.configJson, configPath), 'added_tokens_decoder');
  if (!isJsonObject(decoder)) fail('tokenizer-added', configPath, 'added_tokens_decoder must be an object', decoder);
  const entries = Object.entries(decoder).map(([id, entry]) => ({ id: Number(id), entry }));
  return { vocab, merges, addedTokens: readAddedTokens(entries, configPath), nfc: true };
}

function readTokenizerJson(file: string | Uint8Array, path: string): TokenizerParts {
  const root = readObject(file, path);
  const model = jsonField(root, 'model');
  if (!isJsonObject(model)) fail('tokenizer-model', path, 'model must be an object', model);
  for (const [key, allowed] of MODEL_FIELDS) {
    const value = jsonField(model, key) ?? null;
    if (!allowed.includes(value)) fail('tokenizer-model', path, `model.${key} must be ${quote(allowed[0])}`, value);
  }
  checkPipeline(root, path);
  const vocabJson = jsonField(model, 'vocab');
  if (!isJsonObject(vocabJson)) fail('tokenizer-vocab', path, 'model.vocab must be an object', vocabJson);
  const vocab = readVocab(vocabJson, path);
  const mergesJson = jsonField(model, 'merges');
  if (!Array.isArray(mergesJson)) fail('tokenizer-merges', path, 'model.merges must be an array', mergesJson);
  const merges = checkMerges(
    mergesJson.map((merge) => (typeof merge === 'string' ? merge.split(' ') : merge)),
    vocab,
    path,
  );
  const addedJson = jsonField(root, 'added_tokens') ?? [];
  if (!Array.isArray(addedJson)) fail('tokenizer-added', path, 'added_tokens must be an array', addedJson);
  const entries = addedJson.map((entry) => ({ id: isJsonObject(entry) ? jsonField(entry, 'id') : undefined, entry }));
  return {
    vocab,
    merges,
    addedTokens: readAddedTokens(entries, path),
    nfc: (jsonField(root, 'normalizer') ?? null) !== null,
  };
}

/** Fields of the BPE model and the values that the engine computes. */
const MODEL_FIELDS: readonly (readonly [string, readonly JsonValue[]])[] = [
  ['type', ['BPE', null]],
  ['dropout', [null, 0]],
  ['continuing_subword_prefix', [null, '']],
  ['end_of_word_suffix', [null, '']],
  ['byte_fallback', [null, false]],
  ['ignore_merges', [null, false]],
];

/** Normalizer and pre-tokenizer must be Qwen's: patterns from files are never run (a hostile one may never end). */
function checkPipeline(root: Json, path: string): void {
  const normalizer = jsonField(root, 'normalizer') ?? null;
  if (normalizer !== null && !(isJsonObject(normalizer) && jsonField(normalizer, 'type') === 'NFC')) {
    fail('tokenizer-model', path, 'normalizer must be NFC or null', normalizer);
  }
  const steps = preTokenizers(jsonField(root, 'pre_tokenizer'));
  const [split, byteLevel] = steps;
  const known =
    steps.length === 2 &&
    jsonField(split, 'type') === 'Split' &&
    jsonField(split, 'behavior') === 'Isolated' &&
    (jsonField(split, 'invert') ?? false) === false &&
    jsonField(byteLevel, 'type') === 'ByteLevel' &&
    jsonField(byteLevel, 'add_prefix_space') === false &&
    jsonField(byteLevel, 'use_regex') === false;
  if (!known) {
    fail(
      'tokenizer-model',
      path,
      "pre_tokenizer must be Qwen2's Split and ByteLevel",
      jsonField(root, 'pre_tokenizer'),
    );
  }
  const pattern = jsonField(split, 'pattern');
  const regex = isJsonObject(pattern) ? jsonField(pattern, 'Regex') : undefined;
  if (regex !== QWEN_SPLIT_PATTERN) {
    fail('tokenizer-pattern', path, "the split pattern must be Qwen2's published one", regex);
  }
}

function preTokenizers(value: JsonValue | undefined): readonly Json[] {
  if (!isJsonObject(value) || jsonField(value, 'type') !== 'Sequence') return [];
  const steps = jsonField(value, 'pretokenizers');
  return Array.isArray(steps) ? steps.filter((step) => isJsonObject(step)) : [];
}

function readVocab(json: Json, path: string): Map<string, number> {
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(json)) {
    if (!isTokenId(id)) fail('tokenizer-vocab', path, `the id of ${quote(token)} must be in 0..${MAX_TOKEN_ID}`, id);
    vocab.set(token, id);
  }
  for (const symbol of byteSymbols()) {
    if (!vocab.has(symbol)) fail('tokenizer-vocab', path, 'must have a token for each of the 256 bytes, lacks', symbol);
  }
  return vocab;
}

/** The 256 characters that stand for bytes in a byte-level vocabulary (GPT-2's `bytes_to_unicode`). */
function byteSymbols(): string[] {
  const symbols: string[] = [];
  let moved = 0;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
    symbols.push(String.fromCharCode(printable ? byte : 256 + moved++));
  }
  return symbols;
}

function mergeLines(text: string): string[][] {
  const lines = text.split('\n').map((line) => line.trim());
  const first = lines[0].startsWith('#version') ? 1 : 0;
  return lines
    .slice(first)
    .filter((line) => line !== '')
    .map((line) => line.split(' '));
}

function checkMerges(
  merges: readonly JsonValue[],
  vocab: ReadonlyMap<string, number>,
  path: string,
): (readonly [string, string])[] {
  return merges.map((merge, rank) => {
    if (!Array.isArray(merge) || merge.length !== 2) {
      return fail('tokenizer-merges', path, `merge ${rank} must be a pair of tokens`, merge);
    }
    const left = merge[0];
    const right = merge[1];
    if (typeof left !== 'string' || typeof right !== 'string') {
      return fail('tokenizer-merges', path, `merge ${rank} must be a pair of tokens`, merge);
    }
    const missing = [left, right, left + right].find((token) => !vocab.has(token));
    if (missing !== undefined) {
      return fail('tokenizer-merges', path, `merge ${rank} needs a token that the vocabulary lacks`, missing);
    }
    return [left, right] as const;
  });
}

function readAddedTokens(
  entries: readonly { readonly id: JsonValue | undefined; readonly entry: JsonValue }[],
  path: string,
): AddedToken[] {
  if (entries.length > MAX_ADDED_TOKENS) {
    fail('tokenizer-added', path, `there may be at most ${MAX_ADDED_TOKENS} added tokens`, entries.length);
  }
  const seen = new Set<string>();
  return entries.map(({ id, entry }) => {
    if (!isJsonObject(entry)) return fail('tokenizer-added', path, 'an added token must be an object', entry);
    const content = jsonField(entry, 'content');
    if (typeof content !== 'string' || content === '' || content.length > MAX_ADDED_LENGTH) {
      return fail('tokenizer-added', path, `an added token needs 1..${MAX_ADDED_LENGTH} characters`, content);
    }
    if (!isTokenId(id)) return fail('tokenizer-added', path, `the id of ${quote(content)} must be an integer`, id);
    if (seen.has(content)) return fail('tokenizer-added', path, 'an added token must appear once', content);
    seen.add(content);
    for (const flag of ['single_word', 'lstrip', 'rstrip']) {
      const value = jsonField(entry, flag) ?? false;
      if (value !== false) return fail('tokenizer-added', path, `${flag} of ${quote(content)} must be false`, value);
    }
    const normalized = jsonField(entry, 'normalized') ?? jsonField(entry, 'special') !== true;
    return { id, content, normalized: normalized === true };
  });
}

function isTokenId(id: JsonValue | undefined): id is number {
  return typeof id === 'number' && Number.isInteger(id) && id >= 0 && id <= MAX_TOKEN_ID;
}

function readText(file: string | Uint8Array, path: string): string {
  const size = file.length;
  if (size > MAX_TOKENIZER_BYTES) fail('tokenizer-size', path, `may have at most ${MAX_TOKENIZER_BYTES} bytes`, size);
  if (typeof file === 'string') return file;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file);
  } catch {
    return fail('tokenizer-merges', path, 'must be UTF-8', 'other bytes');
  }
}

function readObject(file: string | Uint8Array, path: string): Json {
  if (file.length > MAX_TOKENIZER_BYTES) {
    fail('tokenizer-size', path, `may have at most ${MAX_TOKENIZER_BYTES} bytes`, file.length);
  }
  const { value } = parseStrictJson(file, MAX_DEPTH, (fault, detail) => {
    throw new CheckpointError(`${path}: is no strict JSON (${fault}): ${detail}.`, { rule: 'tokenizer-json', path });
  });
  return isJsonObject(value) ? value : fail('tokenizer-json', path, 'must be a JSON object', value);
}

function fail(rule: string, path: string, wanted: string, got: unknown): never {
  throw new CheckpointError(`${path}: ${wanted}, got ${quote(got)}.`, { rule, path });
}
