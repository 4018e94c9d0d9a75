/** Where a connection begins or ends. */

/** A network address and port. */
export interface Endpoint {
  /** In its plain form: `10.0.0.1`, `::1`. '' where it is not known. */
  readonly address: string;
  /** 0 where it is not known. */
  readonly port: number;
}

/**
 * What one party can be taken to have of the net, for what is counted by address: an IPv4 address; of IPv6 the 64 bits of its network,
 * for the others it chooses as it likes, another one each time. Other text is left as it is.
 */
export function networkOf(address: string): string {
  if (!/^[0-9a-f:.]*:[0-9a-f:.]*(?:%.*)?$/i.test(address)) return address;
  const [head = '', tail] = address.replace(/%.*$/, '').toLowerCase().split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':');
    // An IPv4 address at the end stands for two groups.
    const taken = groups.length + behind.length + (tail.includes('.') ? 1 : 0);
    for (let left = 8 - taken; left > 0; left--) groups.push('0');
    groups.push(...behind);
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}
