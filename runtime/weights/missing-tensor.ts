import { CheckpointError } from '../errors.ts';
import { quote } from '../io/strict-json.ts';

/** The error of a read of a tensor that is not there. */
export function missingTensor(source: string, tensor: string): CheckpointError {
  return new CheckpointError(
    `${source}: has no tensor ${quote(tensor)}. Is this the checkpoint that its config describes?`,
    { rule: 'missing-tensor', path: source, tensor },
  );
}
