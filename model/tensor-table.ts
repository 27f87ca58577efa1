import { CheckpointError } from '../runtime/errors.ts';

/** What a checkpoint holds, without its bytes. A WeightSource is one. */
export interface TensorTable {
  /** Name of the checkpoint, for messages. */
  readonly name: string;
  names(): Iterable<string>;
  /** Dtype in safetensors' words (`BF16`) and shape, or undefined where there is no such tensor. */
  info(name: string): { readonly dtype: string; readonly shape: readonly number[] } | undefined;
}

/** A table made from expected shapes alone: for planning a model without its weights. */
export function syntheticTable(
  name: string,
  tensors: ReadonlyMap<string, readonly number[]>,
  dtype: string,
): TensorTable {
  return {
    name,
    names: () => tensors.keys(),
    info: (tensor) => {
      const shape = tensors.get(tensor);
      return shape && { dtype, shape };
    },
  };
}

/** Bytes of all tensors of a table as stored. */
export function tableBytes(table: TensorTable): number {
  let bytes = 0;
  for (const name of table.names()) {
    const info = table.info(name);
    if (info) bytes += info.shape.reduce((count, size) => count * size, 1) * bytesPerElement(info.dtype);
  }
  return bytes;
}

function bytesPerElement(dtype: string): number {
  if (dtype === 'F64' || dtype === 'I64' || dtype === 'U64') return 8;
  if (dtype === 'F32' || dtype === 'I32' || dtype === 'U32') return 4;
  if (dtype === 'F16' || dtype === 'BF16' || dtype === 'I16' || dtype === 'U16') return 2;
  return 1;
}

/**
 * Checks a checkpoint against the tensors that a model wants, both ways.
 *
 * @param what    names the model in the message
 * @param ignored tensors that may be there and are not used, with the reason written where the list is kept
 * @throws CheckpointError `tensors` that lists what is missing, unexpected or misshapen
 */
export function requireTensors(
  what: string,
  table: TensorTable,
  expected: ReadonlyMap<string, readonly number[]>,
  ignored: (name: string) => boolean = () => false,
): void {
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const [name, shape] of expected) {
    const info = table.info(name);
    if (!info) missing.push(`"${name}"`);
    else if (info.shape.length !== shape.length || info.shape.some((size, axis) => size !== shape[axis]))
      misshapen.push(`"${name}" is [${info.shape.join(', ')}], must be [${shape.join(', ')}]`);
  }
  const unexpected = [...table.names()]
    .filter((name) => !expected.has(name) && !ignored(name))
    .map((name) => `"${name}"`);
  const faults = [
    describe('missing', missing),
    describe('misshapen', misshapen),
    describe('unexpected', unexpected),
  ].filter((fault) => fault !== '');
  if (faults.length > 0)
    throw new CheckpointError(`${what}: ${table.name} does not fit: ${faults.join('; ')}. Loading is strict.`, {
      rule: 'tensors',
      path: table.name,
    });
}

/** At most five names are listed: a wrong file has thousands. */
function describe(fault: string, items: readonly string[]): string {
  if (items.length === 0) return '';
  const more = items.length > 5 ? ` and ${items.length - 5} more` : '';
  return `${items.length} ${fault}: ${items.slice(0, 5).join(', ')}${more}`;
}
