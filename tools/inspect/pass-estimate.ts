import { FLOOR_FACTS, type DeviceFacts } from '../../kernels/facts.ts';
import type { TransformerConfig } from '../../model/config/transformer-config.ts';
import type { MrtManifest } from '../../model/manifest/manifest.ts';
import { condEmbeddingLength } from '../../model/checkpoint/checkpoint.ts';
import { ModulationLayout } from '../../model/mmdit/modulation-layout.ts';
import { hiddenSizeOf, transformerTensors } from '../../model/mmdit/tensors.ts';
import { planTransformer } from '../../model/mmdit/transformer.ts';
import { syntheticTable } from '../../model/tensor-table.ts';
import type { TokenPlan } from '../../model/tokens/token-plan.ts';
import type { WeightPrecision } from '../../model/weight-precision.ts';
import { planMemory } from '../../runtime/program/memory.ts';
import { flopsOf } from '../../runtime/program/plan.ts';

/** What one job takes, read off the recorded program: no device and no weights are touched. */
export interface PassEstimate {
  readonly imageTokens: number;
  readonly predictedTokens: number;
  readonly textTokens: number;
  /** Floating-point operations of one forward, and of the whole run (steps, and two forwards with guidance). */
  readonly flopsPerForward: number;
  readonly flopsPerRun: number;
  readonly dispatchesPerForward: number;
  readonly parameters: number;
  /** Weights that stay on the device. */
  readonly weightBytes: number;
  /** Modulation weights: streamed once for a list of steps, never resident (spec qwen-image 1.9). */
  readonly streamedBytes: number;
  readonly modulationTableBytes: number;
  /** Temporaries, shared by liveness, and the least that any sharing needs. */
  readonly arenaBytes: number;
  readonly peakLiveBytes: number;
  readonly stateBytes: number;
  readonly constantBytes: number;
  /** All of it together: what the device must have for the transformer. */
  readonly totalBytes: number;
  /** The largest single buffer that a kernel binds. */
  readonly largestBinding: { readonly label: string; readonly byteLength: number };
}

/** A GPU without limits of size: the estimate is made first, the device's limits are compared afterwards. */
const BOUNDLESS: DeviceFacts = {
  ...FLOOR_FACTS,
  limits: { ...FLOOR_FACTS.limits, maxStorageBufferBindingSize: 0xffff_fffc, maxBufferSize: 0xffff_fffc },
};

/** Bytes of an element under each dtype that weights may be stored in. */
const STORED_BYTES: Readonly<Record<string, number>> = { F32: 4, BF16: 2, F16: 2 };

/** Records the pass of a plan and adds up what it takes. */
export function estimatePass(input: {
  readonly config: TransformerConfig;
  readonly manifest: MrtManifest;
  readonly plan: TokenPlan;
  readonly textTokens: number;
  readonly steps: number;
  readonly isGuided: boolean;
  readonly storedDType: string;
  readonly precision: WeightPrecision;
}): PassEstimate {
  const { config, manifest, plan, textTokens, steps, isGuided } = input;
  const tensors = transformerTensors(config);
  const table = syntheticTable('plan', tensors, input.storedDType);
  const program = planTransformer(
    BOUNDLESS,
    table,
    {
      config,
      tokens: plan,
      textLength: textTokens,
      ropeTheta: manifest.rope.theta,
      condEmbedding: {
        tensor: manifest.condEmbedding.tensor,
        length: condEmbeddingLength(manifest, config),
        addAt: manifest.condEmbedding.addAt,
      },
    },
    input.precision,
  );
  const memory = planMemory(program);
  const width = hiddenSizeOf(config);
  const parameters = [...tensors.values()].reduce(
    (sum, shape) => sum + shape.reduce((count, size) => count * size, 1),
    0,
  );
  const modulationRows = steps + (plan.modulationRowCount > 1 ? 1 : 0);
  const modulationTableBytes = modulationRows * new ModulationLayout(config).total * 4;
  const streamedBytes = (config.numLayers * 12 + 2) * width * (width + 1) * (STORED_BYTES[input.storedDType] ?? 4);
  const flopsPerForward = flopsOf(program);
  let largest = program.storages[0];
  for (const storage of program.storages) if (storage.byteLength > largest.byteLength) largest = storage;
  const { weightBytes, arenaBytes, stateBytes, constantBytes, peakLiveBytes } = memory;
  return {
    imageTokens: plan.numTokens,
    predictedTokens: plan.numPredicted,
    textTokens,
    flopsPerForward,
    flopsPerRun: flopsPerForward * steps * (isGuided ? 2 : 1),
    dispatchesPerForward: program.dispatches.length,
    parameters,
    weightBytes,
    streamedBytes,
    modulationTableBytes,
    arenaBytes,
    peakLiveBytes,
    stateBytes,
    constantBytes,
    totalBytes: weightBytes + arenaBytes + stateBytes + constantBytes + modulationTableBytes,
    largestBinding: { label: largest.label, byteLength: largest.byteLength },
  };
}
