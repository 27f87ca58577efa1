// Public API in Node: everything of index.ts, and Dawn, drivers, files and folders.

export * from './index.ts';
export {
  openDriver,
  openEngine,
  type DriverName,
  type NodeEngineOptions,
  type OpenedDriver,
} from './runtime/node/open-engine.ts';
export { openDawn, type DawnOptions } from './runtime/node/dawn.ts';
export { fileSource, type FileSourceOptions } from './runtime/node/file-source.ts';
export { folderSource } from './runtime/node/folder-source.ts';
export { openWeightFile, openWeightFolder, type OpenWeightFileOptions } from './runtime/node/open-weights.ts';
export { modelFolder } from './runtime/node/model-folder.ts';
export {
  designPictures,
  readDesignFile,
  readPictureFile,
  writeResult,
  type DesignFile,
  type WrittenResult,
} from './tools/design/design-files.ts';
