import { readFile } from 'node:fs/promises';
import { parseCacheConfig, type CacheConfig, type CacheOption } from '../../model/cache/cache-config.ts';
import { UsageError } from '../../runtime/errors.ts';

/**
 * The step cache that `--cache` asks for; undefined for none.
 *
 * @throws UsageError if a named file cannot be read, ConfigError `cache` for settings that make no sense
 */
export async function readCacheOption(option: CacheOption): Promise<CacheConfig | undefined> {
  if (option.kind === 'off') return undefined;
  if (option.kind === 'config') return option.config.config;
  let value: unknown;
  try {
    value = JSON.parse(await readFile(option.path, 'utf8'));
  } catch (cause) {
    throw new UsageError(`--cache ${option.path}: must be a JSON file with cache settings (${String(cause)}).`, {
      cause,
    });
  }
  return parseCacheConfig(value).config; // settings at fault are refused before anything is loaded
}
