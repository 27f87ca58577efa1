// Public API, platform-neutral: the same in browsers, workers and Node. layerloom/node adds what needs Node.

// Engine and tensors
export { createEngine, type Engine, type EngineOptions } from './runtime/engine.ts';
export type { AdapterChoice, DeviceInfo } from './runtime/device.ts';
export type { EngineCounters } from './runtime/ledger.ts';
export type { HostArray, Tensor } from './runtime/tensor.ts';
export type { DType } from './kernels/dtype.ts';
export type { DeviceFacts, DeviceLimits, MatrixConfig } from './kernels/facts.ts';

// Errors
export {
  CheckpointError,
  ConfigError,
  DeviceError,
  DTypeError,
  ImageError,
  LayerloomError,
  LayoutError,
  RuleError,
  ShapeError,
  UsageError,
  type DeviceFault,
  type FaultDetails,
} from './runtime/errors.ts';

// Files: bytes wherever they lie, safetensors, pictures
export { memorySource, type ByteSource } from './runtime/io/byte-source.ts';
export { memoryFolder, type FolderSource } from './runtime/io/folder-source.ts';
export { openSafetensors, type SafetensorsFile, type SafetensorsOptions } from './runtime/safetensors/reader.ts';
export { encodeSafetensors, type TensorToWrite } from './runtime/safetensors/writer.ts';
export { openWeights, openWeightSource, type OpenWeightsOptions } from './runtime/weights/open-weights.ts';
export type { WeightSource } from './runtime/weights/weight-source.ts';
export { readPng, writePng } from './runtime/image/png.ts';
export type { RgbaImage } from './runtime/image/rgba-image.ts';
