import { ConfigError } from '../../runtime/errors.ts';

/** How the sigma grid is shifted when `use_dynamic_shifting` is on. */
export type TimeShiftType = 'exponential' | 'linear';

/** What the engine reads of a `scheduler_config.json`, in its own names; defaults are those of the reference class. */
export interface FlowMatchConfig {
  /** Factor between sigma and the scheduler's own timesteps. */
  readonly numTrainTimesteps: number;
  /** Static shift, used when `dynamicShifting` is off. */
  readonly shift: number;
  readonly dynamicShifting: boolean;
  /** Last sigma before 0 after stretching; undefined for no stretch. */
  readonly shiftTerminal: number | undefined;
  readonly timeShiftType: TimeShiftType;
  /** Fresh noise at every step in place of the Euler step. */
  readonly stochasticSampling: boolean;
  /** Keys of the mu rule; undefined where the file lacks them (the pipelines' own fallbacks then hold). */
  readonly baseImageSeqLen: number | undefined;
  readonly maxImageSeqLen: number | undefined;
  readonly baseShift: number | undefined;
  readonly maxShift: number | undefined;
}

const UNSUPPORTED_FLAGS = ['invert_sigmas', 'use_karras_sigmas', 'use_exponential_sigmas', 'use_beta_sigmas'] as const;
const CLASS_NAME = 'FlowMatchEulerDiscreteScheduler';

/**
 * Reads the parsed JSON of a `scheduler/scheduler_config.json`. Missing keys take the reference's defaults, unknown keys
 * are ignored, `shift_terminal` of null, false and 0 all mean none.
 *
 * @param json parsed JSON
 * @param path the file as the caller names it, for messages
 * @throws ConfigError rule `not-object`, `class`, `type`, `range` or `unsupported`
 */
export function parseFlowMatchConfig(json: unknown, path = 'scheduler_config.json'): FlowMatchConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ConfigError(`${path}: must be a JSON object, got ${JSON.stringify(json)?.slice(0, 40)}.`, {
      rule: 'not-object',
      path,
    });
  }
  const fields = new Map<string, unknown>(Object.entries(json));
  const fail = (rule: string, key: string, wanted: string): never => {
    const got = JSON.stringify(fields.get(key))?.slice(0, 60);
    throw new ConfigError(`${path}: ${key} must be ${wanted}, got ${got}.`, { rule, path });
  };
  const number = (key: string): number | undefined => {
    const value = fields.get(key);
    if (value === undefined || value === null) return undefined;
    return typeof value === 'number' && Number.isFinite(value) ? value : fail('type', key, 'a finite number');
  };
  const boolean = (key: string): boolean => {
    const value = fields.get(key) ?? false;
    return typeof value === 'boolean' ? value : fail('type', key, 'true or false');
  };

  const className = fields.get('_class_name');
  if (className !== undefined && className !== CLASS_NAME) fail('class', '_class_name', `"${CLASS_NAME}"`);
  for (const key of UNSUPPORTED_FLAGS)
    if (boolean(key)) fail('unsupported', key, 'false (no Qwen-Image model uses it)');

  const timeShiftType = fields.get('time_shift_type') ?? 'exponential';
  if (timeShiftType !== 'exponential' && timeShiftType !== 'linear') {
    return fail('unsupported', 'time_shift_type', '"exponential" or "linear"');
  }
  const shiftTerminal = fields.get('shift_terminal') === false ? 0 : (number('shift_terminal') ?? 0);
  if (shiftTerminal < 0 || shiftTerminal >= 1) fail('range', 'shift_terminal', 'in 0..1 (1 excluded)');
  const numTrainTimesteps = number('num_train_timesteps') ?? 1000;
  if (!Number.isInteger(numTrainTimesteps) || numTrainTimesteps < 1) {
    fail('range', 'num_train_timesteps', 'an integer >= 1');
  }
  const shift = number('shift') ?? 1;
  if (shift <= 0) fail('range', 'shift', 'above 0');
  return {
    numTrainTimesteps,
    shift,
    dynamicShifting: boolean('use_dynamic_shifting'),
    shiftTerminal: shiftTerminal === 0 ? undefined : shiftTerminal,
    timeShiftType,
    stochasticSampling: boolean('stochastic_sampling'),
    baseImageSeqLen: number('base_image_seq_len'),
    maxImageSeqLen: number('max_image_seq_len'),
    baseShift: number('base_shift'),
    maxShift: number('max_shift'),
  };
}
