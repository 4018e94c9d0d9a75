/**
 * Proxies that may say who a client is: on listeners for which that is set, every connection begins with their header.
 *
 *     accepted ──from one of the proxies──▶ header ──names a client──▶ handed on, with that client's address
 *             │                                    └─names none────▶ handed on, with the proxy's own
 *             └─from elsewhere, no header, not in time──▶ closed, the operator is told
 *
 * Whoever comes in here is not on this machine, whatever addresses say: a header is the word of another.
 */
import { BlockList, isIP, isIPv6, type Socket } from 'node:net';
import { Timer } from '../../clock/clock.ts';
import { plainAddress } from '../address.ts';
import type { CarrierServices } from '../carrier.ts';
import { learnPeer, peerOf } from '../peer.ts';
import { HEADER_BYTES_MAX, type ProxyVersion, parseProxyHeader } from './header.ts';

export const PROXY_HEADER_TIMEOUT_MS = 10_000;

/** Whether a text is an address, or a range as `10.0.0.0/8`. */
export function isAddressRange(text: string): boolean {
  const [address = '', bits, more] = text.split('/');
  const max = isIP(address) === 6 ? 128 : 32;
  return (
    isIP(address) !== 0 && more === undefined && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= max))
  );
}

export class Proxies {
  private readonly known = new BlockList();
  private readonly services: CarrierServices;
  private readonly timeoutMs: number;

  /** @param ranges each as `isAddressRange` wants it */
  constructor(services: CarrierServices, ranges: readonly string[], timeoutMs = PROXY_HEADER_TIMEOUT_MS) {
    this.services = services;
    this.timeoutMs = timeoutMs;
    for (const range of ranges) {
      const [address = '', bits] = range.split('/');
      const family = isIPv6(address) ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.known.addAddress(address, family);
      else this.known.addSubnet(address, Number(bits), family);
    }
  }

  /** Reads the header, and hands the socket on with the bytes that came behind it still in it. */
  read(socket: Socket, versions: readonly ProxyVersion[], then: (socket: Socket) => void): void {
    const address = plainAddress(socket.remoteAddress);
    if (!this.known.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) {
      this.refuse(socket, 'it is no proxy that this listener knows (proxy.from)');
      return;
    }
    let gathered: Buffer = Buffer.alloc(0);
    const timer = new Timer(() => done('no PROXY header in time'));
    const done = (problem?: string): void => {
      this.services.clock.cancel(timer);
      socket.removeListener('readable', look);
      socket.removeListener('close', gone);
      if (problem !== undefined) this.refuse(socket, problem);
    };
    const gone = (): void => done();
    const look = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk !== null; chunk = socket.read() as Buffer | null) {
        gathered = gathered.length === 0 ? chunk : Buffer.concat([gathered, chunk]);
        const header = parseProxyHeader(gathered, versions);
        if (header === null || (header === undefined && gathered.length > HEADER_BYTES_MAX)) {
          done('its first bytes are no PROXY header');
          return;
        }
        if (header === undefined) continue;
        done();
        learnPeer(socket, { loopback: false, ...(header.client !== undefined && { remote: header.client }) });
        if (gathered.length > header.length) socket.unshift(gathered.subarray(header.length));
        then(socket);
        return;
      }
    };
    socket.on('error', () => socket.destroy());
    socket.once('close', gone);
    socket.on('readable', look);
    this.services.clock.schedule(timer, this.timeoutMs);
  }

  private refuse(socket: Socket, reason: string): void {
    this.services.clientLog.mistake({ protocol: 'proxy', remote: peerOf(socket).remote }, reason);
    socket.destroy();
  }
}
