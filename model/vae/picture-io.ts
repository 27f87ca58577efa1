import type { Program } from '../../runtime/program/program.ts';
import type { Picture } from './picture.ts';
import { blank, type Planes } from './planes.ts';

/** Moves pictures between the host (planar) and a program's states (bands of rows, channels last). */
export class PictureIo {
  readonly #program: Program;

  constructor(program: Program) {
    this.#program = program;
  }

  /** Writes a picture of the same size and channels into states. */
  write(picture: Picture, planes: Planes): void {
    const { width, channels } = picture;
    const plane = picture.height * width;
    for (const { row0, rows, value } of picture.bands) {
      const interleaved = new Float32Array(rows * width * channels);
      const start = row0 * width;
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < rows * width; i++) interleaved[i * channels + c] = planes.data[c * plane + start + i];
      this.#program.write(value, interleaved);
    }
  }

  /** Reads a picture of states back. */
  async read(picture: Picture): Promise<Planes> {
    const { height, width, channels } = picture;
    const planes = blank(channels, height, width);
    const plane = height * width;
    for (const { row0, rows, value } of picture.bands) {
      const interleaved = await this.#program.read(value);
      const start = row0 * width;
      for (let c = 0; c < channels; c++)
        for (let i = 0; i < rows * width; i++) planes.data[c * plane + start + i] = interleaved[i * channels + c];
    }
    return planes;
  }
}
