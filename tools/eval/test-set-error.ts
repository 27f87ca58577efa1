import { RuleError } from '../../runtime/errors.ts';

/** What can be wrong with a test set. */
export type TestSetRule =
  | 'set-missing'
  | 'set-json'
  | 'set-form'
  | 'set-empty'
  | 'set-window'
  | 'set-task'
  | 'set-layers'
  | 'set-targets'
  | 'set-picture';

/** A folder is not a test set, or its files contradict each other. */
export class TestSetError extends RuleError {
  constructor(rule: TestSetRule, path: string, what: string, options?: ErrorOptions) {
    const message = `${path}: ${what} Make the set anew: python -m tools.train.make_set.`;
    super('E_TEST_SET', message, { rule, path }, options);
  }
}
