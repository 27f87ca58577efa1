import type { MatrixUnit } from './matrix-unit.ts';

/** An index of a loop: a WGSL expression, and a number where the loop is written out. */
export interface LoopIndex {
  readonly text: string;
  readonly value: number | undefined;
}

/**
 * Writes loops and arrays either as such or written out, from one description. Written out, an array `a` of [2, 3] is six
 * variables a_0_0 ... a_1_2, which every compiler keeps in registers.
 */
export class MatrixEmitter {
  readonly #rolled: boolean;

  constructor(form: MatrixUnit['form']) {
    this.#rolled = form === 'rolled';
  }

  /** `var` declarations of an array of `type` with an initialiser each; `sizes` has one or two entries. */
  declare(name: string, type: string, sizes: readonly number[]): string[] {
    if (this.#rolled) {
      const full = sizes.reduceRight((inner, size) => `array<${inner}, ${size}>`, type);
      return [`var ${name} = ${full}();`];
    }
    return places(sizes).map((place) => `var ${[name, ...place].join('_')} = ${type}();`);
  }

  /** An element of an array that `declare` made. */
  at(name: string, ...indices: readonly LoopIndex[]): string {
    return this.#rolled
      ? `${name}${indices.map(({ text }) => `[${text}]`).join('')}`
      : [name, ...indices.map(({ value }) => value)].join('_');
  }

  /** `count` rounds of `body`. */
  loop(name: string, count: number, body: (index: LoopIndex) => readonly string[]): string[] {
    if (this.#rolled)
      return [
        `for (var ${name} = 0u; ${name} < ${count}u; ${name}++) {`,
        ...indent(body({ text: name, value: undefined })),
        '}',
      ];
    return Array.from({ length: count }, (_, value) => value).flatMap((value) => {
      const lines = body({ text: `${value}u`, value });
      // A block of its own for each round that declares something.
      return lines.some((line) => /^(let|var) /.test(line)) ? ['{', ...indent(lines), '}'] : [...lines];
    });
  }
}

/** Lines two spaces further in. */
export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === '' ? line : `  ${line}`));
}

/** index * factor + offset as WGSL, worked out where the index is a number. */
export function scaled(index: LoopIndex, factor: number): string {
  if (index.value !== undefined) return `${index.value * factor}u`;
  return factor === 1 ? index.text : `${index.text} * ${factor}u`;
}

function places(sizes: readonly number[]): number[][] {
  return sizes.reduce<number[][]>(
    (all, size) => all.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
    [[]],
  );
}
