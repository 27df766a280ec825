/**
 * The address that a request comes from. `X-Forwarded-For` is what its sender likes to write: of it
 * only those hops count that a trusted proxy has added, from the last one backwards.
 */
import { BlockList, isIP } from 'node:net'

/** @param trusted addresses, and networks as `address/bits` */
export const makeClientAddress = (trusted: readonly string[]) => {
  const proxies = new BlockList()
  for (const network of trusted) {
    const [address = '', bits] = network.split('/')
    if (bits === undefined) proxies.addAddress(address, familyOf(address))
    else proxies.addSubnet(address, Number(bits), familyOf(address))
  }
  const isProxy = (address: string) => proxies.check(address, familyOf(address))
  return (peer: string, forwardedFor: string | null): string => {
    const hops = (forwardedFor ?? '').split(',').map((hop) => plain(hop.trim()))
    let address = plain(peer)
    while (isProxy(address)) {
      const hop = hops.pop()
      if (hop === undefined || isIP(hop) === 0) break
      address = hop
    }
    return address
  }
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4')

/** An IPv4 address is the same one where the socket speaks IPv6. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '')
