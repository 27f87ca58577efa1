import { UsageError } from '../../runtime/errors.ts';
import { isGoldenTensor } from './contract.ts';
import type { GoldenContext, GoldenTensor } from './contract.ts';

/*
 * Typed access to a case's inputs. A case that lacks an input or has it of another type is a broken case; these throw
 * UsageError, which the runner reports as that case's failure.
 */

function wrong(name: string, wanted: string, got: unknown): never {
  const text = isGoldenTensor(got) ? `a ${got.dtype} tensor` : JSON.stringify(got);
  throw new UsageError(`golden: input "${name}" must be ${wanted}, got ${text}.`);
}

/** Whether an input is there: absent and null both mean none. */
export function hasInput(context: GoldenContext, name: string): boolean {
  return (context.input(name) ?? null) !== null;
}

export function tensorInput(context: GoldenContext, name: string): GoldenTensor {
  const value = context.input(name);
  return isGoldenTensor(value) ? value : wrong(name, 'a tensor', value);
}

/** Data of a floating-point tensor as f32. */
export function f32Input(context: GoldenContext, name: string): Float32Array {
  const { data } = tensorInput(context, name);
  if (data instanceof Float32Array) return data;
  return data instanceof Float64Array ? Float32Array.from(data) : wrong(name, 'a floating-point tensor', data);
}

export function numberInput(context: GoldenContext, name: string): number {
  const value = context.input(name);
  return typeof value === 'number' ? value : wrong(name, 'a number', value);
}

/** A number, or undefined where the input is absent or null. */
export function optionalNumber(context: GoldenContext, name: string): number | undefined {
  return hasInput(context, name) ? numberInput(context, name) : undefined;
}

export function stringInput(context: GoldenContext, name: string): string {
  const value = context.input(name);
  return typeof value === 'string' ? value : wrong(name, 'a string', value);
}

/** A string, or undefined where the input is absent or null. */
export function optionalString(context: GoldenContext, name: string): string | undefined {
  return hasInput(context, name) ? stringInput(context, name) : undefined;
}

export function booleanInput(context: GoldenContext, name: string): boolean {
  const value = context.input(name);
  return typeof value === 'boolean' ? value : wrong(name, 'true or false', value);
}

/** One of a few strings. */
export function choiceInput<T extends string>(context: GoldenContext, name: string, choices: readonly T[]): T {
  const value = context.input(name);
  return choices.find((choice) => choice === value) ?? wrong(name, `one of ${choices.join(', ')}`, value);
}

/** A list whose items pass the test. */
export function listInput<T>(context: GoldenContext, name: string, isItem: (item: unknown) => item is T): readonly T[] {
  const value: unknown = context.input(name);
  if (!Array.isArray(value)) return wrong(name, 'a list', value);
  return value.map((item: unknown) => (isItem(item) ? item : wrong(name, 'a list of the right items', item)));
}

export const isNumber = (item: unknown): item is number => typeof item === 'number';
export const isString = (item: unknown): item is string => typeof item === 'string';

export function modelDirOf(context: GoldenContext): string {
  if (context.modelDir === undefined) throw new UsageError('golden: this kind of case needs a model.');
  return context.modelDir;
}
