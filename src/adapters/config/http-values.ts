/** Kinds of values that only the HTTP API has. */
import { isIP } from 'node:net'
import { type Kind, ok, refuse } from './values.ts'

const bitsOf: Readonly<Record<number, number>> = { 4: 32, 6: 128 }

/** An address, or a network as `address/bits`. */
export const network: Kind<string> = {
  unit: 'address or network',
  parse: (text) => {
    const [address = '', bits, ...rest] = text.split('/')
    const bitsMax = bitsOf[isIP(address)]
    const isWhole =
      bitsMax !== undefined &&
      rest.length === 0 &&
      (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax))
    return isWhole ? ok(text) : refuse('an address such as 10.0.0.7, or a network as 10.0.0.0/8')
  }
}

/** As browsers send it in `Origin`. */
export const origin: Kind<string> = {
  unit: 'origin',
  parse: (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    return url !== undefined && /^https?:$/.test(url.protocol) && url.origin === text
      ? ok(text)
      : refuse('an origin without a path, such as https://charts.example or http://127.0.0.1:3000')
  }
}
