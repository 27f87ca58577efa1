import { spawnSync } from 'node:child_process';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_TOGGLES, type DawnOptions } from '../../../runtime/node/dawn.ts';

/** Dawn as gpu-run opens it: the default toggles, and timestamps as the driver gives them. */
export const GPU_RUN_DAWN: DawnOptions = { disable: ['timestamp_quantization'] };

/** What a toggle did to the code that a driver gets; null: the probe does not show it. */
export interface ToggleEffects {
  /** Indices into workgroup memory are clamped; off with `disable_robustness`. */
  readonly robustness: boolean | null;
  /** Workgroup memory starts as zeros; off with `disable_workgroup_init`. */
  readonly workgroup_init: boolean | null;
  /** Integer division looks for a divisor of 0; off with `disable_polyfills_on_integer_div_and_mod`. */
  readonly polyfills_on_integer_div_and_mod: boolean | null;
  readonly use_vulkan_memory_model: boolean | null;
  /** Matrix loads from storage are left to the driver's own bounds checks, unclamped. */
  readonly vulkan_use_cooperative_matrix_robust_access: boolean | null;
}

/** What can be known of Dawn's toggles from Node: the binding lists none, so what was asked for and what came of it. */
export interface DawnToggles {
  readonly requested: { readonly enable: readonly string[]; readonly disable: readonly string[] };
  readonly effects: ToggleEffects;
  /** SPIR-V of the probes as Dawn's toggle `dump_shaders` prints it; empty where the back end makes none. */
  readonly spirv: string;
  /** Why there is no probe, if there is none. */
  readonly fault: string | null;
}

/** Milliseconds that the process of the probe may take. */
const LIMIT = 30_000;

/**
 * Compiles a small kernel, and one with a matrix where there are any, and reads from the code which toggles were in effect.
 * In a process of its own, to whose output Dawn prints with `dump_shaders`.
 *
 * @param options how Dawn was opened
 */
export function probeToggles(options: DawnOptions): DawnToggles {
  const requested = { enable: [...DEFAULT_TOGGLES, ...(options.enable ?? [])], disable: options.disable ?? [] };
  // The null back end makes no code.
  if (options.backend === 'null') return { requested, effects: effectsIn([]), spirv: '', fault: null };
  const own = fileURLToPath(import.meta.url);
  const script = join(own, `../dump-shaders${extname(own)}`);
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [...process.execArgv, script, JSON.stringify(options)],
    { encoding: 'utf8', timeout: LIMIT },
  );
  const fault = status === 0 ? null : (error?.message ?? `exit code ${status}: ${stderr.trim().slice(-500)}`);
  const spirv = spirvOf(status === 0 ? stdout : '');
  return { requested, effects: effectsIn(spirv), spirv: spirv.join('\n'), fault };
}

/** The modules in what Dawn printed, which has WGSL too. */
export function spirvOf(output: string): string[] {
  return output
    .split(/^(?:\w+:\n)?(?=\/\* Dumped SPIRV|\/\/ Dumped WGSL)/m)
    .filter((part) => part.includes('; SPIR-V'));
}

/** What the modules of the probes show. */
export function effectsIn(modules: readonly string[]): ToggleEffects {
  const plain = modules.find((text) => !text.includes('OpCooperativeMatrixLoadKHR'));
  const loading = modules.find((text) => text.includes('OpCooperativeMatrixLoadKHR'));
  const inPlain = (pattern: RegExp): boolean | null => (plain === undefined ? null : pattern.test(plain));
  return {
    robustness: inPlain(/UMin/),
    // As an initialiser, or by stores where the driver has no such thing.
    workgroup_init: inPlain(/OpVariable %_ptr_Workgroup\S+ Workgroup %|OpStore %\S+ %uint_0\b/),
    polyfills_on_integer_div_and_mod: inPlain(/OpSelect/),
    use_vulkan_memory_model: inPlain(/OpMemoryModel Logical Vulkan/),
    vulkan_use_cooperative_matrix_robust_access: loading === undefined ? null : !loading.includes('OpArrayLength'),
  };
}

/** Lines for a table. */
export function toggleLines({ requested, effects, spirv, fault }: DawnToggles): string[] {
  const states = Object.entries(effects).flatMap(([name, value]) =>
    value === null ? [] : [`${name} ${value ? 'on' : 'off'}`],
  );
  const seen = spirv === '' ? 'none, this back end makes no code' : states.join(', ');
  return [
    `toggles asked for: on ${requested.enable.join(', ')}; off ${requested.disable.join(', ') || 'none'}`,
    fault === null ? `toggles seen in compiled code: ${seen}` : `toggles not seen: ${fault}`,
  ];
}
