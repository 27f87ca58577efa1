/** The parts of a shared library that say what it imports. */
export class SharedLibrary {
  constructor(path: string);
  readonly path: string;
  readonly bytes: Buffer;
  needed(): string[];
  requiredVersions(library: string): Map<string, { readonly at: number; readonly index: number }>;
}

export function lowerGlibc(library: SharedLibrary): boolean;
export function dependencies(folder: string, name: string): string[];
