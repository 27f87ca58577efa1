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

// Models and runs
export { loadPipeline } from './model/pipeline/load-pipeline.ts';
export { Checkpoint, type CheckpointKind } from './model/checkpoint/checkpoint.ts';
export {
  MrtPipeline,
  type MrtEvent,
  type MrtPipelineOptions,
  type MrtRunOptions,
} from './model/pipeline/mrt-pipeline.ts';
export { QwenImagePipeline, type PlanarImage, type QwenRunOptions } from './model/pipeline/qwen-pipeline.ts';
export { Run } from './model/pipeline/run.ts';
export type { LayeredResult, ResultLayer } from './model/pipeline/mrt-result.ts';
export type { Picture, PictureLoader } from './model/pipeline/picture.ts';
export { toAdd, toDecompose, toGenerate, toRestyle, type AddedLayer } from './model/pipeline/tasks.ts';
export type { W8A8Options, WeightPrecision } from './model/weight-precision.ts';
export type { ModelFolder } from './runtime/io/model-folder.ts';

// Step caching and a look inside: see model/cache/README.md and examples/research
export {
  parseCacheConfig,
  registerCacheMethod,
  type CacheConfig,
  type ParsedCacheConfig,
} from './model/cache/cache-config.ts';
export { cacheRunnerOf, createCacheRunner, type CacheContext, type CacheRunner } from './model/cache/cache-runner.ts';
export { FoCaCalibrator, LastResidual, TaylorSeerCalibrator } from './model/cache/calibrators.ts';
export type {
  CacheCall,
  CacheMethod,
  CachePlan,
  CachePolicy,
  CacheVerdict,
  Calibrator,
  Forecast,
} from './model/cache/contract.ts';
export { binsMask, presetMask, type CachePreset } from './model/cache/step-mask.ts';
export type { PassReport, PassRunner, RegionDifference, StepReport } from './model/denoise/denoiser.ts';
export type { ModulationMode } from './model/denoise/modulation-feed.ts';
export { hookedRunner, type BlockHook, type SegmentOutput } from './model/hooks/block-hooks.ts';
export { TensorCapture, type CaptureSpec } from './model/hooks/tensor-capture.ts';
export { attentionState } from './model/mmdit/block.ts';
export {
  registerSampler,
  type Sampler,
  type SamplerFactory,
  type SamplerStep,
} from './model/sampler/custom-sampler.ts';

// Layered designs
export { createDesign, parseDesign, validateDesign, writeDesign } from './model/layout/design.ts';
export {
  designJsonSchema,
  type BlendMode,
  type Box,
  type DesignGroup,
  type DesignLayer,
  type DesignNode,
  type DesignTask,
  type LayeredDesign,
} from './model/layout/design-schema.ts';
export { compositeLayers, toWindow8, type CompositeLayer } from './model/layout/composite.ts';
export { refineLayers, type RefineLayer, type RefineOptions } from './model/refine/refine-layers.ts';
export { planMrt } from './model/tokens/plan-mrt.ts';
export type { TokenPlan } from './model/tokens/token-plan.ts';
export { parseManifest, taskSampling, type MrtManifest, type TaskSampling } from './model/manifest/manifest.ts';
