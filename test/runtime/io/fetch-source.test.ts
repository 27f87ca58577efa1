import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { fetchSource } from '../../../runtime/io/fetch-source.ts';
import { openSafetensors } from '../../../runtime/safetensors/reader.ts';
import { encodeSafetensors } from '../../../runtime/safetensors/writer.ts';

const servers: Server[] = [];

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/model.safetensors?token=secret`;
}

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A server that knows ranges; `change` may spoil its answers. */
function rangeServer(
  bytes: Buffer,
  change: (response: ServerResponse, begin: number) => Buffer | undefined = () => undefined,
) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (range === null) return void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
    const [begin, last] = [Number(range[1]), Number(range[2])];
    if (begin >= bytes.length) return void response.writeHead(416).end();
    response.setHeader('content-range', `bytes ${begin}-${last}/${bytes.length}`);
    response.setHeader('etag', '"v1"');
    response.statusCode = 206;
    response.end(change(response, begin) ?? bytes.subarray(begin, last + 1));
  };
}

describe('fetchSource', () => {
  const file = Buffer.from(
    encodeSafetensors([{ name: 'w', dtype: 'F32', shape: [3], data: Float32Array.of(1, 2, 3) }]),
  );

  test('reads a checkpoint by ranges', async () => {
    const source = await fetchSource(await serve(rangeServer(file)));
    expect(source.byteLength).toBe(file.length);
    const weights = await openSafetensors(source);
    expect([...(await weights.readF32('w'))]).toEqual([1, 2, 3]);
    expect([...(await weights.readRange('w', 4, 8))]).toEqual([0, 0, 0, 64]);
    await weights.close();
    await expect(source.read(0, 1)).rejects.toMatchObject({ rule: 'closed' });
  });

  test('an empty resource is a file of 0 bytes', async () => {
    const source = await fetchSource(await serve(rangeServer(Buffer.alloc(0))));
    expect(source.byteLength).toBe(0);
    await expect(openSafetensors(source)).rejects.toMatchObject({ rule: 'header-too-small' });
  });

  test('asks for the length where Content-Range is hidden', async () => {
    const hidden = rangeServer(file, (response) => {
      response.removeHeader('content-range');
      return undefined;
    });
    expect((await fetchSource(await serve(hidden))).byteLength).toBe(file.length);
    expect((await fetchSource(await serve(hidden), { byteLength: 7 })).byteLength).toBe(7);
  });

  test('servers that do not play along are typed errors, without the query in the message', async () => {
    const open = async (answer: Parameters<typeof serve>[0]) => fetchSource(await serve(answer));
    const ignoring = open((_, response) => void response.writeHead(200).end(file));
    await expect(ignoring).rejects.toMatchObject({ code: 'E_CHECKPOINT', rule: 'http-range' });
    const missing = open((_, response) => void response.writeHead(404).end());
    await expect(missing).rejects.toThrow(/^http:\/\/127\.0\.0\.1:\d+\/model\.safetensors: the server answers 404\./);
    await expect(fetchSource('http://127.0.0.1:1/x')).rejects.toMatchObject({ rule: 'http-status' });
    await expect(fetchSource('file:///etc/passwd')).rejects.toMatchObject({ code: 'E_USAGE' });
  });

  test('answers of another range, length or version are refused', async () => {
    const spoilt = (change: (response: ServerResponse) => Buffer | undefined) =>
      serve(rangeServer(file, (response, begin) => (begin === 0 ? undefined : change(response)))).then((url) =>
        fetchSource(url),
      );
    const shifted = await spoilt(
      (response) => void response.setHeader('content-range', `bytes 9-11/${file.length}`) as undefined,
    );
    await expect(shifted.read(8, 11)).rejects.toMatchObject({ rule: 'http-range' });
    const short = await spoilt(() => file.subarray(8, 10));
    await expect(short.read(8, 11)).rejects.toMatchObject({ rule: 'http-length' });
    const long = await spoilt(() => file.subarray(8, 20));
    await expect(long.read(8, 11)).rejects.toMatchObject({ rule: 'http-length' });
    const replaced = await spoilt((response) => void response.setHeader('etag', '"v2"') as undefined);
    await expect(replaced.read(8, 11)).rejects.toMatchObject({ rule: 'file-changed' });
    await expect(shifted.read(8, file.length + 1)).rejects.toMatchObject({ rule: 'range' });
  });

  test('an abort rejects with its reason', async () => {
    const url = await serve(() => undefined); // never answers
    const stop = new AbortController();
    const opening = fetchSource(url, {}, stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 20);
    await expect(opening).rejects.toThrow('enough');
    for (const server of servers) server.closeAllConnections();
  });
});
