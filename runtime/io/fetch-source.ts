import { CheckpointError, UsageError } from '../errors.ts';
import { checkRange, closedError } from './byte-source.ts';
import type { ByteSource } from './byte-source.ts';

export interface FetchSourceOptions {
  /** Sent with every request. `fetch` drops an Authorization header where a redirect leads to another site. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Size in bytes where the caller knows it: saves a request, and helps where a server hides Content-Range. */
  readonly byteLength?: number;
  /** The platform's `fetch` by default. */
  readonly fetch?: typeof fetch;
}

/**
 * A resource behind HTTP range requests. Every answer must be the range that was asked for (status 206, Content-Range,
 * length); where the server names a version (a strong ETag), a changed resource is noticed.
 * @throws CheckpointError `http-status`, `http-range` or `http-length` for a server that does not play along,
 *   `file-changed`; UsageError for a URL that is not http or https.
 */
export async function fetchSource(
  url: string | URL,
  options: FetchSourceOptions = {},
  signal?: AbortSignal,
): Promise<ByteSource> {
  const address = new URL(url);
  if (address.protocol !== 'https:' && address.protocol !== 'http:')
    throw new UsageError(`fetchSource: the URL must be http or https, got ${address.protocol}//...`);
  const client = new RangeClient(address, options);
  const { byteLength, etag } = await client.probe(options.byteLength, signal);
  let isOpen = true;
  const source: ByteSource = {
    name: client.name,
    byteLength,
    async read(begin, end, readSignal) {
      readSignal?.throwIfAborted();
      if (!isOpen) throw closedError(client.name);
      checkRange(source, begin, end);
      if (begin === end) return new Uint8Array();
      return client.get(begin, end, byteLength, etag, readSignal);
    },
    async close() {
      isOpen = false;
    },
  };
  return source;
}

class RangeClient {
  /** The URL without its query and password, which may be secrets. */
  readonly name: string;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;

  constructor(url: URL, options: FetchSourceOptions) {
    this.#url = url;
    this.name = `${url.origin}${url.pathname}`;
    this.#headers = options.headers ?? {};
    this.#fetch = options.fetch ?? fetch;
  }

  /** Size and version of the resource. */
  async probe(
    known: number | undefined,
    signal?: AbortSignal,
  ): Promise<{ byteLength: number; etag: string | undefined }> {
    const response = await this.#send({ range: 'bytes=0-0' }, 'GET', signal);
    await response.body?.cancel();
    const etag = response.headers.get('etag') ?? undefined;
    const strong = etag?.startsWith('W/') ? undefined : etag;
    // 416: the resource is empty
    if (response.status === 416) return { byteLength: 0, etag: strong };
    this.#requirePartial(response);
    const total = /^bytes 0-0\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
    if (total !== undefined) return { byteLength: this.#size(total), etag: strong };
    if (known !== undefined) return { byteLength: known, etag: strong };
    // in a browser a server must expose Content-Range to other sites; Content-Length is always visible
    const head = await this.#send({}, 'HEAD', signal);
    const length = head.headers.get('content-length');
    if (!head.ok || length === null || !/^\d+$/.test(length))
      throw this.#fault('http-range', 'the server does not say how long the file is. Pass byteLength');
    return { byteLength: this.#size(length), etag: strong };
  }

  /** Exactly the bytes `begin` to `end`. */
  async get(
    begin: number,
    end: number,
    byteLength: number,
    etag: string | undefined,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const headers = { range: `bytes=${begin}-${end - 1}`, ...(etag !== undefined && { 'if-range': etag }) };
    const response = await this.#send(headers, 'GET', signal);
    const now = response.headers.get('etag');
    if (etag !== undefined && (response.status === 200 || (now !== null && now !== etag))) {
      await response.body?.cancel();
      throw this.#fault('file-changed', 'the file on the server was replaced. Open it again');
    }
    this.#requirePartial(response);
    const range = response.headers.get('content-range');
    const expected = `bytes ${begin}-${end - 1}/`;
    if (range !== null && range !== `${expected}${byteLength}` && range !== `${expected}*`) {
      await response.body?.cancel();
      throw this.#fault(
        'http-range',
        `asked for ${expected}${byteLength}, the server sent ${JSON.stringify(range.slice(0, 60))}`,
      );
    }
    return this.#body(response, end - begin, signal);
  }

  async #body(response: Response, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let at = 0;
    const reader = response.body?.getReader();
    const next = async () => {
      try {
        return await reader?.read();
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        throw this.#fault('http-length', `the connection broke after ${at} of ${length} bytes. Try again`, error);
      }
    };
    for (let part = await next(); part !== undefined && !part.done; part = await next()) {
      if (at + part.value.length > length) {
        await reader?.cancel();
        throw this.#fault('http-length', `asked for ${length} bytes, the server sends more`);
      }
      bytes.set(part.value, at);
      at += part.value.length;
    }
    if (at < length) throw this.#fault('http-length', `asked for ${length} bytes, the server sent ${at}. Try again`);
    return bytes;
  }

  async #send(headers: Record<string, string>, method: 'GET' | 'HEAD', signal?: AbortSignal): Promise<Response> {
    const init: RequestInit = { method, headers: { ...this.#headers, ...headers } };
    try {
      const request = this.#fetch; // called bare: browsers refuse their fetch as a method of another object
      return await request(this.#url, signal === undefined ? init : { ...init, signal });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw this.#fault('http-status', `the server cannot be reached (${cause}). Check the URL and the network`, error);
    }
  }

  #requirePartial(response: Response): void {
    if (response.status === 206) return;
    void response.body?.cancel().catch(() => {});
    if (response.status === 200)
      throw this.#fault('http-range', 'the server ignores range requests. Download the file and open it from disk');
    throw this.#fault('http-status', `the server answers ${response.status}. Check the URL and the permissions`);
  }

  #size(digits: string): number {
    const size = Number(digits);
    if (Number.isSafeInteger(size)) return size;
    throw this.#fault('http-range', `the server claims ${digits.slice(0, 30)} bytes`);
  }

  #fault(rule: string, what: string, cause?: unknown): CheckpointError {
    return new CheckpointError(
      `${this.name}: ${what}.`,
      { rule, path: this.name },
      cause === undefined ? {} : { cause },
    );
  }
}
