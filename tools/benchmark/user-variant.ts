import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DeviceFacts } from '../../kernels/facts.ts';
import type { KernelPlan } from '../../kernels/plan.ts';
import { UsageError } from '../../runtime/errors.ts';
import type { UserVariant } from './suite.ts';

/** What a module given by `--with` exports. */
interface VariantModule {
  /** Op that it implements, e.g. `rms_norm`. */
  readonly op: string;
  /** Name of the variant in the table. */
  readonly name: string;
  /**
   * A plan for the case of that name, or undefined where the variant cannot run it. `ours` is the plan that layerloom's
   * planner made: the same bindings (names, order, sizes) and `Params` may be taken over from it.
   */
  readonly plan: (caseName: string, facts: DeviceFacts, ours: KernelPlan) => KernelPlan | undefined;
}

/**
 * Loads a user's variant of an op.
 *
 * @throws UsageError if the file cannot be loaded or does not export `op`, `name` and `plan`
 */
export async function loadUserVariant(file: string, ops: readonly string[]): Promise<UserVariant> {
  let module: Partial<VariantModule>;
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as Partial<VariantModule>;
  } catch (cause) {
    throw new UsageError(`bench: --with ${file} cannot be loaded: ${String(cause)}.`, { cause });
  }
  const { op, name, plan } = module;
  if (typeof op !== 'string' || typeof name !== 'string' || typeof plan !== 'function')
    throw new UsageError(`bench: --with ${file} must export op and name (strings) and plan (a function).`);
  if (!ops.includes(op)) throw new UsageError(`bench: --with ${file} is for op "${op}". Ops: ${ops.join(', ')}.`);
  return {
    op,
    name,
    source: basename(file),
    planFor: (caseName, facts, ours) => {
      const made: unknown = plan(caseName, facts, ours);
      if (made === undefined) return undefined;
      assertPlan(made, ours, `bench: --with ${file}: the plan of "${caseName}"`);
      return made;
    },
  };
}

/** Holds what a user's planner returned against the contract: a wrong plan must not look like a slow kernel. */
function assertPlan(made: unknown, ours: KernelPlan, where: string): asserts made is KernelPlan {
  const plan = made as Partial<KernelPlan> | null;
  const fail = (rule: string): never => {
    throw new UsageError(`${where} ${rule}.`);
  };
  if (typeof plan !== 'object' || plan === null) return fail('must be an object (a KernelPlan)');
  if (!Array.isArray(plan.sources) || !plan.sources.every((text) => typeof text === 'string'))
    fail('must have "sources", a list of WGSL texts');
  if (!Array.isArray(plan.workgroups) || plan.workgroups.length !== 3) fail('must have "workgroups", three counts');
  if (!(plan.uniform instanceof Uint8Array) || plan.uniform.byteLength % 16 !== 0)
    fail('must have "uniform", a Uint8Array of a multiple of 16 bytes');
  const names = (bindings: KernelPlan['bindings'] | undefined): string =>
    bindings?.map(({ name, access }) => `${name}: ${access}`).join(', ') ?? '';
  if (names(plan.bindings) !== names(ours.bindings))
    fail(`must bind (${names(ours.bindings)}), got (${names(plan.bindings)})`);
  if (typeof plan.constants !== 'object') fail('must have "constants", the values of overrides');
  // Figures are compared, so both sides count the work the same way.
  if (plan.flops !== ours.flops || plan.bytes !== ours.bytes)
    fail(`must count ${ours.flops} flops and ${ours.bytes} bytes, got ${plan.flops} and ${plan.bytes}`);
}
