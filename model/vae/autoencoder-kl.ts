import type { Engine } from '../../runtime/engine.ts';
import { DeviceError, ShapeError } from '../../runtime/errors.ts';
import { compileProgram, type Program } from '../../runtime/program/program.ts';
import { sourceReader } from '../../runtime/weights/source-reader.ts';
import type { WeightSource } from '../../runtime/weights/weight-source.ts';
import { WeightStore, type WeightProgress } from '../../runtime/weights/weight-store.ts';
import type { VaeConfig } from '../config/vae-config.ts';
import type { WeightPrecision } from '../weight-precision.ts';
import { PictureIo } from './picture-io.ts';
import { recordVae, type VaeDirection, type VaeRecording } from './record.ts';
import { vaeScale } from './structure.ts';
import { requireVaeTensors, withStoredChannels } from './tensors.ts';
import { blank, type Planes } from './planes.ts';
import { checkTiling, decodeTiles, encodeTiles, runTiles, type Tiling } from './tiling.ts';
import { hasWanNames, withDiffusersNames } from './wan-names.ts';

/** How to load a VAE. */
export interface VaeOptions {
  /** Default `stored`: exact. Biases and norms are f32 always. */
  readonly precision?: WeightPrecision;
  readonly onProgress?: (progress: WeightProgress) => void;
}

/** How to run a VAE. */
export interface VaeRunOptions {
  /** Cut pictures larger than a tile into tiles, as the reference's `enable_tiling`. Not done by default. */
  readonly tiling?: Tiling | undefined;
  /**
   * Names of inner activations to read back, out of `encoderActivations` or `decoderActivations`. Where a picture is cut
   * into tiles there is none but `moments`.
   */
  readonly keep?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Result of a run: the picture and the kept activations, all planar. */
export interface VaeResult {
  readonly planes: Planes;
  readonly kept: ReadonlyMap<string, Planes>;
}

interface Compiled {
  readonly program: Program;
  readonly recording: VaeRecording;
  readonly byteLength: number;
}

/** Compiled programs kept, one for each direction and size, and the most bytes of device memory that they may hold. */
const MAX_PROGRAMS = 8;
const MAX_IDLE_BYTES = 512 * 1024 * 1024;

/**
 * The image autoencoder of the Qwen-Image family (that of WAN 2.1, for one frame), RGB or RGBA. Runs are one after the
 * other; the programs of recent sizes are kept, within bounds.
 */
export class AutoencoderKLQwenImage {
  readonly config: VaeConfig;
  /** Pixels that a latent pixel stands for, along each side. */
  readonly scale: number;
  readonly #engine: Engine;
  readonly #source: WeightSource;
  readonly #store: WeightStore;
  readonly #precision: WeightPrecision;
  /** Most recently used last. */
  readonly #compiled = new Map<string, Compiled>();
  #last: Promise<unknown> = Promise.resolve();
  #disposed = false;

  private constructor(engine: Engine, source: WeightSource, config: VaeConfig, options: VaeOptions) {
    this.#engine = engine;
    this.#source = source;
    this.#store = new WeightStore(engine, sourceReader(source), options.onProgress);
    this.#precision = options.precision ?? 'stored';
    this.config = config;
    this.scale = vaeScale(config);
  }

  /**
   * Checks a checkpoint, with diffusers' or WAN's tensor names, both ways. Weights are uploaded when they are first
   * needed, so that a decoder alone takes a decoder's memory.
   *
   * @param source stays the caller's: close it after the autoencoder is disposed
   * @throws CheckpointError `tensors` that lists what is missing, misshapen or unexpected
   */
  static open(
    engine: Engine,
    source: WeightSource,
    config: VaeConfig,
    options: VaeOptions = {},
  ): AutoencoderKLQwenImage {
    const named = hasWanNames(source) ? withDiffusersNames(source, config) : source;
    const full = withStoredChannels(config, named);
    requireVaeTensors(full, named);
    return new AutoencoderKLQwenImage(engine, named, full, options);
  }

  /**
   * Latents [zDim, height / scale, width / scale], normalised: (posterior mean - latentsMean) / latentsStd.
   *
   * @param pixels [inputChannels, height, width] in [-1, 1]
   * @throws ShapeError if the picture has other channels or is smaller than a latent pixel
   * @throws UsageError if the tiling makes no sense
   * @throws DeviceError `limit`, `out-of-memory` with the bytes and the remedy; `lost`, `disposed`
   */
  async encode(pixels: Planes, options: VaeRunOptions = {}): Promise<VaeResult> {
    const { config, scale } = this;
    requirePlanes('encode', 'pixels', pixels, config.inputChannels, scale);
    const { tiling } = options;
    if (tiling) checkTiling(tiling, scale);
    const tiles = tiling && encodeTiles(tiling, scale, pixels.height, pixels.width);
    const { planes: moments, kept } = tiles
      ? { planes: await runTiles(pixels, tiles, async (tile) => this.#tile('encode', tile, options)), kept: NOTHING }
      : await this.#run('encode', pixels, options);
    const latents = blank(config.zDim, moments.height, moments.width);
    const count = moments.height * moments.width;
    for (let i = 0; i < latents.data.length; i++) {
      const channel = Math.floor(i / count);
      latents.data[i] = (moments.data[i] - config.latentsMean[channel]) / config.latentsStd[channel];
    }
    const isKept = tiles && options.keep?.includes('moments');
    return { planes: latents, kept: isKept ? new Map([['moments', moments]]) : kept };
  }

  /**
   * Pixels [inputChannels, scale * height, scale * width]: clamped to [-1, 1] where they were decoded in one piece, not
   * clamped where they were tiled, as in the reference.
   *
   * @param latents [zDim, height, width], normalised as `encode` gives them
   * @throws as `encode`
   */
  async decode(latents: Planes, options: VaeRunOptions = {}): Promise<VaeResult> {
    const { config, scale } = this;
    requirePlanes('decode', 'latents', latents, config.zDim, 1);
    const { tiling } = options;
    if (tiling) checkTiling(tiling, scale);
    const z = blank(latents.channels, latents.height, latents.width);
    const count = z.height * z.width;
    for (let i = 0; i < z.data.length; i++) {
      const channel = Math.floor(i / count);
      z.data[i] = latents.data[i] * config.latentsStd[channel] + config.latentsMean[channel];
    }
    const tiles = tiling && decodeTiles(tiling, scale, z.height, z.width);
    if (tiles) {
      const planes = await runTiles(z, tiles, async (tile) => this.#tile('decode', tile, options));
      return { planes, kept: NOTHING };
    }
    const result = await this.#run('decode', z, options);
    const { data } = result.planes;
    for (let i = 0; i < data.length; i++) data[i] = Math.min(1, Math.max(-1, data[i]));
    return result;
  }

  /** Frees programs and weights, and closes nothing: the source is its opener's. A second call does nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#last.catch(() => {});
    for (const { program } of this.#compiled.values()) program.dispose();
    this.#compiled.clear();
    await this.#store.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #tile(direction: VaeDirection, tile: Planes, options: VaeRunOptions): Promise<Planes> {
    return (await this.#run(direction, tile, { signal: options.signal })).planes;
  }

  /** Runs one direction on one picture, after the runs before it: they share buffers. */
  #run(direction: VaeDirection, input: Planes, options: VaeRunOptions): Promise<VaeResult> {
    const run = this.#last.catch(() => {}).then(() => this.#runNow(direction, input, options));
    this.#last = run;
    return run;
  }

  async #runNow(direction: VaeDirection, input: Planes, options: VaeRunOptions): Promise<VaeResult> {
    if (this.#disposed) throw new DeviceError('disposed', 'vae: used after dispose().');
    options.signal?.throwIfAborted();
    const compiled = await this.#get(direction, input, options);
    const io = new PictureIo(compiled.program);
    io.write(compiled.recording.input, input);
    compiled.program.run();
    const planes = await io.read(compiled.recording.output);
    const kept = new Map<string, Planes>();
    for (const name of options.keep ?? []) {
      const picture = compiled.recording.kept.get(name);
      if (picture) kept.set(name, await io.read(picture));
    }
    this.#trim();
    options.signal?.throwIfAborted();
    return { planes, kept };
  }

  async #get(direction: VaeDirection, input: Planes, options: VaeRunOptions): Promise<Compiled> {
    const { height, width } = input;
    const wanted = new Set(options.keep ?? []);
    const key = `${direction} ${height}x${width} ${[...wanted].sort().join(' ')}`;
    let compiled = this.#compiled.get(key);
    this.#compiled.delete(key); // and set again below: the order of the map is the order of use
    if (!compiled) {
      const recording = recordVae(
        this.#engine.facts,
        this.config,
        this.#source,
        direction,
        { height, width },
        {
          precision: this.#precision,
          wanted,
        },
      );
      const program = await compileProgram(this.#engine, recording.plan, {
        weights: this.#store,
        ...(options.signal && { signal: options.signal }),
      });
      const { arenaBytes, stateBytes, constantBytes } = program.memory;
      compiled = { program, recording, byteLength: arenaBytes + stateBytes + constantBytes };
    }
    this.#compiled.set(key, compiled);
    return compiled;
  }

  /** Gives the least recently used programs back until the rest is within bounds; even the last one may be too large. */
  #trim(): void {
    let bytes = 0;
    for (const { byteLength } of this.#compiled.values()) bytes += byteLength;
    for (const [key, { program, byteLength }] of this.#compiled) {
      if (this.#compiled.size <= MAX_PROGRAMS && bytes <= MAX_IDLE_BYTES) return;
      program.dispose();
      this.#compiled.delete(key);
      bytes -= byteLength;
    }
  }
}

const NOTHING: ReadonlyMap<string, Planes> = new Map();

function requirePlanes(what: string, name: string, planes: Planes, channels: number, smallest: number): void {
  const { height, width, data } = planes;
  if (planes.channels !== channels || height < smallest || width < smallest)
    throw new ShapeError(
      `vae ${what}: ${name} must be [${channels}, height, width] of at least ${smallest} x ${smallest}, got [${planes.channels}, ${height}, ${width}].`,
    );
  if (data.length !== channels * height * width)
    throw new ShapeError(
      `vae ${what}: ${name} [${channels}, ${height}, ${width}] has ${channels * height * width} values, got ${data.length}.`,
    );
}
