import { LayerloomError } from '../kernels/errors.ts';

export { DTypeError, LayerloomError, ShapeError } from '../kernels/errors.ts';

/** Where and why a file was refused. */
export interface FaultDetails {
  /** Stable name of the broken rule, e.g. `header-too-large`. */
  readonly rule: string;
  /** File, folder or URL at fault, as the caller named it. */
  readonly path?: string;
  /** Tensor at fault. */
  readonly tensor?: string;
}

/** An input was refused by a named rule. Subclasses say which sort of input. */
export class RuleError extends LayerloomError {
  readonly rule: string;
  readonly path: string | undefined;
  readonly tensor: string | undefined;

  constructor(code: string, message: string, details: FaultDetails, options?: ErrorOptions) {
    super(code, message, options);
    this.rule = details.rule;
    this.path = details.path;
    this.tensor = details.tensor;
  }
}

/** A checkpoint file or folder is broken, hostile, incomplete or not the model that was asked for. */
export class CheckpointError extends RuleError {
  constructor(message: string, details: FaultDetails, options?: ErrorOptions) {
    super('E_CHECKPOINT', message, details, options);
  }
}

/** A config.json or manifest has a value that the engine cannot run. */
export class ConfigError extends RuleError {
  constructor(message: string, details: FaultDetails, options?: ErrorOptions) {
    super('E_CONFIG', message, details, options);
  }
}

/** A layered design document is invalid. */
export class LayoutError extends RuleError {
  constructor(message: string, details: FaultDetails, options?: ErrorOptions) {
    super('E_LAYOUT', message, details, options);
  }
}

/** A picture is broken, hostile or of a kind that is not read. */
export class ImageError extends RuleError {
  constructor(message: string, details: FaultDetails, options?: ErrorOptions) {
    super('E_IMAGE', message, details, options);
  }
}

/** What went wrong with a device. */
export type DeviceFault =
  | 'no-adapter'
  | 'software-adapter'
  | 'missing-feature'
  | 'limit'
  | 'lost'
  | 'out-of-memory'
  | 'internal'
  | 'disposed';

/** The device is missing, lost, out of memory, or lacks a feature or limit. */
export class DeviceError extends LayerloomError {
  readonly fault: DeviceFault;

  constructor(fault: DeviceFault, message: string, options?: ErrorOptions) {
    super('E_DEVICE', message, options);
    this.fault = fault;
  }
}

/** The caller's arguments contradict each other or are out of range. The CLI exits with 2. */
export class UsageError extends LayerloomError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_USAGE', message, options);
  }
}
