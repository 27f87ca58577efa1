/** A field of a WGSL uniform struct of scalars: 4 bytes each, in declaration order. */
export type UniformField = { readonly u32: number } | { readonly i32: number } | { readonly f32: number };

/**
 * Packs scalars into the bytes of a WGSL struct (each scalar aligned to 4), padded to a multiple of 16 bytes.
 *
 * @throws RangeError if an integer does not fit 32 bits: a wrapped size would silently compute something else
 */
export function packUniform(fields: readonly UniformField[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((fields.length * 4) / 16) * 16);
  const view = new DataView(bytes.buffer);
  fields.forEach((field, index) => {
    if ('f32' in field) view.setFloat32(index * 4, field.f32, true);
    else if ('u32' in field) {
      if (!Number.isInteger(field.u32) || field.u32 < 0 || field.u32 > 0xffffffff)
        throw new RangeError(`uniform field ${index}: must be a u32, got ${field.u32}.`);
      view.setUint32(index * 4, field.u32, true);
    } else {
      if (!Number.isInteger(field.i32) || Math.abs(field.i32) > 0x7fffffff)
        throw new RangeError(`uniform field ${index}: must be an i32, got ${field.i32}.`);
      view.setInt32(index * 4, field.i32, true);
    }
  });
  return bytes;
}
