import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import { FootnoteError } from '../../../src/core/errors.js';

/** All addresses of a host name, as the system resolves it. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export const resolveBySystem: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

/** Networks that an operator lets a source reach though they are not public. */
export type Allowed = readonly ReturnType<typeof ipaddr.parseCIDR>[];

/** @throws Error for what is no network such as `10.0.0.0/8` or address */
export function parseNetworks(networks: readonly string[]): Allowed {
  return networks.map((network) =>
    network.includes('/') ? ipaddr.parseCIDR(network) : [ipaddr.parse(network), network.includes(':') ? 128 : 32],
  );
}

const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** More addresses of one host than this are not tried. */
const MAX_ADDRESSES = 4;

/**
 * Whether a socket may be opened to this address: only the public unicast Internet, and what the operator allowed. Private,
 * loopback, link-local (with clouds' metadata services), shared, multicast and reserved ranges are not, nor are addresses
 * that carry another one inside (mapped, translated, 6to4, Teredo): a router may send them anywhere. Ranges: the IANA
 * special-purpose address registries, as ipaddr.js has them.
 */
export function mayConnect(address: string, allowed: Allowed): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  // A zone names an interface of this machine.
  if (parsed instanceof ipaddr.IPv6 && parsed.zoneId) return false;
  if (allowed.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))) return true;
  // Of IPv6 only 2000::/3 is given out; the rest holds the IPv4-compatible addresses, among others.
  const givenOut = parsed.kind() === 'ipv4' || parsed.match(GLOBAL_UNICAST);
  return givenOut && parsed.range() === 'unicast';
}

/**
 * The addresses that a host may be reached at, checked. A socket is then opened to the address itself: what the name
 * resolves to a moment later does not matter.
 * @throws FootnoteError forbidden when all of them are out of bounds; unavailable when there are none
 */
export async function permittedAddresses(hostname: string, allowed: Allowed, resolve: Resolve): Promise<string[]> {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  let addresses: readonly string[];
  if (ipaddr.isValid(literal)) {
    addresses = [literal];
  } else {
    try {
      addresses = await resolve(literal);
    } catch (cause) {
      throw new FootnoteError('unavailable', `The host ${hostname} is not known.`, { cause });
    }
  }
  if (addresses.length === 0) throw new FootnoteError('unavailable', `The host ${hostname} has no address.`);
  const permitted = addresses.filter((address) => mayConnect(address, allowed)).slice(0, MAX_ADDRESSES);
  if (permitted.length > 0) return permitted;
  throw new FootnoteError(
    'forbidden',
    `The host ${hostname} is at an address that is not public. If this source may read it, name its network in allowNetworks.`,
  );
}
