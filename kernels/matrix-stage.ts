/*
 * Workgroup memory of a matrix product by quads of 16 bytes, whatever the arrays' elements are: operands come in and sums
 * leave as vec4u, and what a matrix load or store points to is another matter.
 */

/** Bytes of what an array may hold. */
export const ELEMENT_BYTES = { 'vec4<u32>': 16, 'vec2<u32>': 8, f16: 2 } as const;

/** Type of an array's elements. */
export type StageElement = keyof typeof ELEMENT_BYTES;

/** An array in workgroup memory. */
export interface QuadArray {
  readonly name: string;
  readonly element: StageElement;
}

/** The array that operands are staged in, of what the layout's loads point to. */
export function stageArray({ pointee }: { readonly pointee: StageElement }): QuadArray {
  return { name: 'stage', element: pointee };
}

/** The array that sums leave through: the same memory, unless its elements are smaller than a sum. */
export function patchArray(layout: { readonly pointee: StageElement }): QuadArray {
  return layout.pointee === 'f16' ? { name: 'patches', element: 'vec4<u32>' } : stageArray(layout);
}

/** Elements of an array that so many bytes take. */
export function elementsOf({ element }: QuadArray, bytes: number): number {
  return bytes / ELEMENT_BYTES[element];
}

/** WGSL for the element that quad `quad` begins at. */
export function quadStart(array: QuadArray, quad: string): string {
  const elements = elementsOf(array, 16);
  return elements === 1 ? quad : `${quad} * ${elements}u`;
}

/** Expression of the quad that begins at element `at` of an array of vectors. */
export function loadQuad(array: QuadArray, at: string): string {
  const places = placesOf(array, at);
  return places.length === 1 ? places[0] : `vec4u(${places.join(', ')})`;
}

/** Statements that put `value`, a vec4u, into an array from element `at` on. */
export function storeQuad(array: QuadArray, at: string, value: string): string[] {
  const parts = {
    'vec4<u32>': [value],
    'vec2<u32>': ['xy', 'zw'].map((pair) => `${value}.${pair}`),
    f16: ['xy', 'zw'].flatMap((pair) => ['x', 'y', 'z', 'w'].map((half) => `bitcast<vec4h>(${value}.${pair}).${half}`)),
  }[array.element];
  return placesOf(array, at).map((place, i) => `${place} = ${parts[i]};`);
}

function placesOf(array: QuadArray, at: string): string[] {
  return Array.from({ length: elementsOf(array, 16) }, (_, i) => `${array.name}[${i === 0 ? at : `${at} + ${i}u`}]`);
}
