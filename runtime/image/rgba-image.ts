/** A picture in memory: RGBA, 8 bits, straight alpha, rows from top to bottom without gaps. */
export interface RgbaImage {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** [height, width, 4]. */
  readonly data: Uint8Array;
}
