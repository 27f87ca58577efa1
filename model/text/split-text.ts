/*
 * Qwen2's published split pattern (`QWEN_SPLIT_PATTERN`), written for JavaScript:
 * - `\s` is the Unicode class White_Space, which holds U+0085 and not U+FEFF; JavaScript's `\s` is another set.
 * - `(?i:'s|...)` folds case as Unicode does: U+017F (long s) is an s. No other letter of these words folds beyond ASCII.
 * No alternative can backtrack across a long run more than once, so the time is linear in the text.
 */
const SPACE = '\\p{White_Space}';
const CONTRACTION = "'(?:[sS\\u017F]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])";
const WORD = '[^\\r\\n\\p{L}\\p{N}]?\\p{L}+';
const OTHER = ` ?[^${SPACE}\\p{L}\\p{N}]+[\\r\\n]*`;
const PATTERN = `${CONTRACTION}|${WORD}|\\p{N}|${OTHER}|${SPACE}*[\\r\\n]+|${SPACE}+(?!\\P{White_Space})|${SPACE}+`;

/**
 * Splits ordinary text into the pieces inside which bytes are merged. The pieces joined give the text again.
 *
 * @param text normalised text (NFC)
 */
export function splitText(text: string): string[] {
  return text.match(new RegExp(PATTERN, 'gu')) ?? [];
}
