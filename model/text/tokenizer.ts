import { Tokenizer } from '@huggingface/tokenizers';

import { CheckpointError } from '../../runtime/errors.ts';
import { readWhole } from '../../runtime/io/folder-source.ts';
import type { FolderSource } from '../../runtime/io/folder-source.ts';
import { splitText } from './split-text.ts';
import { splitTemplate } from './templates.ts';
import { MAX_TOKENIZER_BYTES, readTokenizerFiles } from './tokenizer-files.ts';
import type { AddedToken, TokenizerFiles, TokenizerParts } from './tokenizer-files.ts';

/**
 * Where added tokens (`<|im_start|>`, special or not) are recognised.
 *
 * `literal`: in the template only, so that a user's text can never become one. `parse`: anywhere in the filled template, as
 * the reference does, so that user text can forge them; only for comparison with the reference.
 */
export type AddedTokenMode = 'literal' | 'parse';

/** How one text is encoded. */
export interface EncodeOptions {
  /** A string with one `{}` that the text replaces verbatim; none: the text alone. */
  readonly template?: string | undefined;
  /** Default `literal`. */
  readonly addedTokens?: AddedTokenMode;
  /** Keep the first that many ids. */
  readonly maxLength?: number | undefined;
}

type Piece = string | AddedToken;

/** What is used of the library's `Tokenizer`, whose published declarations do not resolve under NodeNext. */
interface ByteLevelBpe {
  encode(text: string, options: { readonly add_special_tokens: boolean }): { readonly ids: readonly number[] };
}

/** The library's tokenizer for one piece of text: bytes and merges. Normalising, added tokens and splitting stay ours. */
function createByteLevelBpe(parts: TokenizerParts): ByteLevelBpe {
  const tokenizer: ByteLevelBpe = new Tokenizer(
    {
      version: '1.0',
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
      post_processor: null,
      decoder: null,
      model: { type: 'BPE', vocab: Object.fromEntries(parts.vocab), merges: parts.merges, unk_token: null },
    },
    {},
  );
  return tokenizer;
}

/** Qwen2's byte-level BPE tokenizer. Immutable; safe to share. Made by {@link loadTokenizer}. */
export class QwenTokenizer {
  /** One more than the largest id, added tokens included. */
  readonly vocabSize: number;
  readonly #bpe: ByteLevelBpe;
  readonly #nfc: boolean;
  readonly #raw: AddedTokenFinder;
  readonly #normalized: AddedTokenFinder;

  constructor(parts: TokenizerParts) {
    this.#bpe = createByteLevelBpe(parts);
    this.#nfc = parts.nfc;
    this.#raw = new AddedTokenFinder(parts.addedTokens.filter((token) => !token.normalized));
    this.#normalized = new AddedTokenFinder(parts.addedTokens.filter((token) => token.normalized));
    let largest = 0;
    for (const id of parts.vocab.values()) largest = Math.max(largest, id);
    for (const { id } of parts.addedTokens) largest = Math.max(largest, id);
    this.vocabSize = largest + 1;
  }

  /**
   * Token ids of a text, alone or in a template.
   *
   * The text and the ordinary template text that touches it are one piece: they are normalised, split and merged jointly.
   *
   * @returns ids; empty for an empty text without a template
   * @throws UsageError if the template has not exactly one `{}`
   */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const { template, addedTokens = 'literal', maxLength } = options;
    const [before, after] = template === undefined ? ['', ''] : splitTemplate(template);
    const pieces =
      addedTokens === 'parse'
        ? this.#findAdded(before + text + after)
        : joinOrdinary(this.#findAdded(before), text, this.#findAdded(after));
    const ids: number[] = [];
    for (const piece of pieces) {
      if (typeof piece === 'string') this.#encodeOrdinary(piece, ids);
      else ids.push(piece.id);
    }
    return maxLength === undefined ? ids : ids.slice(0, maxLength);
  }

  /**
   * Ids of a trusted text in which added tokens are recognised: how many of them a template's dropped prefix takes.
   *
   * With the published vocabulary and templates 34 and 64, which the reference hard-codes; other vocabularies give others.
   */
  countTemplateTokens(prefix: string): number {
    return this.encode(prefix, { addedTokens: 'parse' }).length;
  }

  #findAdded(text: string): Piece[] {
    return this.#raw.split(text).flatMap((piece) => {
      if (typeof piece !== 'string' || this.#normalized.isEmpty) return [piece];
      return this.#normalized.split(this.#normalize(piece));
    });
  }

  #normalize(text: string): string {
    return this.#nfc ? text.normalize('NFC') : text;
  }

  #encodeOrdinary(text: string, ids: number[]): void {
    for (const word of splitText(this.#normalize(text))) {
      for (const id of this.#bpe.encode(word, { add_special_tokens: false }).ids) ids.push(id);
    }
  }
}

/** Finds added tokens in a text: leftmost first, at one place the longest. */
class AddedTokenFinder {
  readonly #byContent: ReadonlyMap<string, AddedToken>;
  readonly #source: string;

  constructor(tokens: readonly AddedToken[]) {
    this.#byContent = new Map(tokens.map((token) => [token.content, token]));
    this.#source = tokens
      .map((token) => token.content)
      .sort((a, b) => b.length - a.length)
      .map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'))
      .join('|');
  }

  get isEmpty(): boolean {
    return this.#byContent.size === 0;
  }

  /** Ordinary text and added tokens in turn: begins and ends with (perhaps empty) ordinary text. */
  split(text: string): Piece[] {
    if (this.isEmpty) return [text];
    const pieces: Piece[] = [];
    let end = 0;
    for (const match of text.matchAll(new RegExp(this.#source, 'gu'))) {
      const token = this.#byContent.get(match[0]);
      if (token === undefined) continue;
      pieces.push(text.slice(end, match.index), token);
      end = match.index + match[0].length;
    }
    pieces.push(text.slice(end));
    return pieces;
  }
}

/** Joins the last ordinary piece of `before`, the text, and the first of `after` into one ordinary piece. */
function joinOrdinary(before: readonly Piece[], text: string, after: readonly Piece[]): Piece[] {
  const left = before.at(-1);
  const right = after[0];
  const joined = (typeof left === 'string' ? left : '') + text + (typeof right === 'string' ? right : '');
  return [...before.slice(0, -1), joined, ...after.slice(1)];
}

/**
 * Makes a tokenizer from the files of a `tokenizer` folder: `tokenizer.json` (merges as pairs or strings) where there is
 * one, else `vocab.json`, `merges.txt` and the added tokens of `tokenizer_config.json`.
 *
 * Split patterns from files are compared with the published one and never run.
 *
 * @param path the folder, for messages
 * @throws CheckpointError with a `tokenizer-*` rule where a file is missing, too large (64 MB), broken or of another sort
 */
export function loadTokenizer(files: TokenizerFiles, path: string): QwenTokenizer {
  return new QwenTokenizer(readTokenizerFiles(files, path));
}

/**
 * Reads a checkpoint's `tokenizer` folder: see {@link loadTokenizer}.
 *
 * @throws CheckpointError as {@link loadTokenizer}; rule `file-too-large` where a file passes 64 MB
 */
export async function openTokenizer(folder: FolderSource, signal?: AbortSignal): Promise<QwenTokenizer> {
  const read = (name: string): Promise<Uint8Array | undefined> => readWhole(folder, name, MAX_TOKENIZER_BYTES, signal);
  const tokenizerJson = await read('tokenizer.json');
  if (tokenizerJson !== undefined) return loadTokenizer({ tokenizerJson }, folder.name);
  const vocabJson = await read('vocab.json');
  const mergesTxt = await read('merges.txt');
  const configJson = await read('tokenizer_config.json');
  return loadTokenizer({ vocabJson, mergesTxt, configJson }, folder.name);
}

/**
 * Checks that every id of the tokenizer has a row in the text encoder's embedding table.
 *
 * @throws CheckpointError rule `tokenizer-vocab`
 */
export function checkTokenizerFits(tokenizer: QwenTokenizer, embeddingRows: number, path: string): void {
  if (tokenizer.vocabSize <= embeddingRows) return;
  throw new CheckpointError(
    `${path}: the tokenizer has ids up to ${tokenizer.vocabSize - 1}, the text encoder embeds ${embeddingRows}. They belong to two checkpoints.`,
    { rule: 'tokenizer-vocab', path },
  );
}
