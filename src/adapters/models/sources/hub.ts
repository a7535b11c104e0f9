import { open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Fetch } from './source.js';

/** The hub answers its first request within this, or counts as not reachable. */
const CONNECT_MS = 3_000;
/** A download that stands still this long has failed. */
const IDLE_MS = 30_000;
const REDIRECTS = 5;

/**
 * Fetches one file of a Hugging Face repository, going on where an interrupted try ended (HTTP Range, RFC 9110 14.2).
 * The hub redirects to its storage; each hop is followed by hand so that the limits hold for each.
 * @throws Error with the reason, for the list of sources tried
 */
export async function fetchFromHub(
  endpoint: string,
  of: { readonly repo: string; readonly revision: string; readonly path: string },
  to: Fetch,
): Promise<void> {
  const path = of.path.split('/').map(encodeURIComponent).join('/');
  let url = new URL(`${endpoint.replace(/\/+$/, '')}/${of.repo}/resolve/${of.revision}/${path}`);
  const stop = new AbortController();
  const signal = to.signal ? AbortSignal.any([to.signal, stop.signal]) : stop.signal;
  let timer: NodeJS.Timeout | undefined;
  const limit = (ms: number, what: string) => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(new Error(what)), ms);
  };
  try {
    const have = await sizeOf(to.part);
    const headers = have > 0 && have < to.bytes ? { Range: `bytes=${have}-` } : undefined;
    for (let hop = 0; hop <= REDIRECTS; hop += 1) {
      limit(hop === 0 ? CONNECT_MS : IDLE_MS, hop === 0 ? `no answer within ${CONNECT_MS / 1000} s` : 'no answer');
      const response = await fetch(url, { redirect: 'manual', signal, ...(headers ? { headers } : {}) });
      const location = response.headers.get('location');
      if (response.status >= 300 && response.status < 400 && location) {
        await response.body?.cancel();
        url = new URL(location, url);
        continue;
      }
      if (!response.ok || !response.body) throw new Error(`${url.host} answered ${response.status}`);
      const append = response.status === 206;
      let received = append ? have : 0;
      limit(IDLE_MS, 'the download does not begin');
      // Each chunk is written before the next is read: what arrived is kept whatever happens then.
      const file = await open(to.part, append ? 'a' : 'w');
      try {
        for await (const chunk of Readable.fromWeb(response.body)) {
          const bytes = chunk as Uint8Array;
          limit(IDLE_MS, `the download stood still for ${IDLE_MS / 1000} s`);
          received += bytes.length;
          if (received > to.bytes) throw new Error(`the file is larger than the ${to.bytes} bytes of the manifest`);
          await file.writeFile(bytes);
          to.onBytes(received);
        }
      } finally {
        await file.close();
      }
      return;
    }
    throw new Error('too many redirects');
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    // Nothing there yet: begin at the beginning.
    return 0;
  }
}
