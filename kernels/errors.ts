/** Base of every error this library throws on purpose: one line, a stable `code`, the numbers that decide. */
export class LayerloomError extends Error {
  /** Stable machine-readable code, e.g. `E_SHAPE`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A tensor or argument has the wrong shape. Message form: `op: rule, got value. Remedy.` */
export class ShapeError extends LayerloomError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_SHAPE', message, options);
  }
}

/** A tensor or argument has a dtype that the operation does not take. */
export class DTypeError extends LayerloomError {
  constructor(message: string, options?: ErrorOptions) {
    super('E_DTYPE', message, options);
  }
}
