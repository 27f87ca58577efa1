/** Longest buffer: a typed array of Node 20 ends at 4 GiB. */
const MAX_BYTES = 0xffff_ffff;

/** Bytes of unknown number, in one buffer that doubles: memory follows what has really arrived, not what was claimed. */
export class GrowingBuffer {
  #buffer = new Uint8Array(1 << 12);
  #length = 0;

  append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.min(MAX_BYTES, Math.max(length, this.#buffer.length * 2)));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }

  /** What has arrived: a view. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }
}
