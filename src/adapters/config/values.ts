/**
 * Kinds of configuration values: each turns text into a value or says what is allowed.
 * Pure; `settings.ts` says which setting has which kind.
 */
import { isIP } from 'node:net'

/** Either the value or, in words, what the text should have been. */
type Parsed<A> = { readonly value: A } | { readonly allowed: string }

export interface Kind<A> {
  /** Shown in the help: a unit, a form or the choices. */
  readonly unit: string
  /** What was given is shown nowhere, not in a fault either. */
  readonly isSecret?: true
  readonly parse: (text: string) => Parsed<A>
}

export const ok = <A>(value: A): Parsed<A> => ({ value })
export const refuse = (allowed: string): { readonly allowed: string } => ({ allowed })

const plainInteger = /^\d{1,15}$/

export const integer = (min: number, max: number, unit: string): Kind<number> => ({
  unit,
  parse: (text) => {
    const value = plainInteger.test(text) ? Number(text) : Number.NaN
    return value >= min && value <= max ? ok(value) : refuse(`a whole number from ${min} to ${max}`)
  }
})

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000
}

/** A duration such as `50ms`, `5s` or `2m`; the value is in milliseconds. */
export const duration = (minMs: number, maxMs: number): Kind<number> => ({
  unit: 'duration',
  parse: (text) => {
    const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text)
    const value = match === null ? Number.NaN : Number(match[1]) * durationUnits[match[2]!]!
    return value >= minMs && value <= maxMs
      ? ok(value)
      : refuse(
          `a duration from ${formatDuration(minMs)} to ${formatDuration(maxMs)}, ` +
            'such as 50ms, 5s or 2m'
        )
  }
})

/** As `duration`, or `off`; then there is no value. */
export const durationOrOff = (minMs: number, maxMs: number): Kind<number | null> =>
  orOff(duration(minMs, maxMs))

/** As `integer`, or `off`. */
export const integerOrOff = (min: number, max: number, unit: string): Kind<number | null> =>
  orOff(integer(min, max, unit))

const orOff = ({ unit, parse }: Kind<number>): Kind<number | null> => ({
  unit: `${unit} | off`,
  parse: (text) => {
    if (text === 'off') return ok(null)
    const parsed = parse(text)
    return 'value' in parsed ? parsed : refuse(`${parsed.allowed}, or off`)
  }
})

export const formatDuration = (ms: number): string => {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const size = durationUnits[unit]!
    if (ms > 0 && ms % size === 0) return `${ms / size}${unit}`
  }
  return `${ms}ms`
}

const byteUnits: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1_024,
  MiB: 1_024 ** 2,
  GiB: 1_024 ** 3,
  TiB: 1_024 ** 4
}

/** A size such as `512MiB`; the value is in bytes. */
export const bytes = (min: number, max: number): Kind<number> => ({
  unit: 'size',
  parse: (text) => {
    const match = /^(\d{1,9})(B|KiB|MiB|GiB|TiB)$/.exec(text)
    const value = match === null ? Number.NaN : Number(match[1]) * byteUnits[match[2]!]!
    return value >= min && value <= max
      ? ok(value)
      : refuse(`a size from ${formatBytes(min)} to ${formatBytes(max)}, such as 64MiB or 10GiB`)
  }
})

export const formatBytes = (size: number): string => {
  for (const unit of ['TiB', 'GiB', 'MiB', 'KiB'] as const) {
    const scale = byteUnits[unit]!
    if (size > 0 && size % scale === 0) return `${size / scale}${unit}`
  }
  return `${size}B`
}

export const choice = <const A extends string>(...choices: readonly A[]): Kind<A> => ({
  unit: choices.join(' | '),
  parse: (text) => {
    const found = choices.find((candidate) => candidate === text)
    return found === undefined ? refuse(`one of ${choices.join(', ')}`) : ok(found)
  }
})

/** Comma-separated, without repeats, at least `countMin` and at most `countMax` items. */
export const list = <A extends string>(
  item: Kind<A>,
  countMin: number,
  countMax: number
): Kind<readonly A[]> => ({
  unit: `list of ${item.unit}`,
  parse: (text) => {
    const texts = text.split(',').map((part) => part.trim()).filter((part) => part !== '')
    const items: A[] = []
    for (const part of texts) {
      const parsed = item.parse(part)
      if ('allowed' in parsed) {
        return refuse(`a comma-separated list; "${part}" should be ${parsed.allowed}`)
      }
      if (items.includes(parsed.value)) {
        return refuse(`a list without repeats; "${part}" stands in it twice`)
      }
      items.push(parsed.value)
    }
    return items.length >= countMin && items.length <= countMax
      ? ok(items)
      : refuse(`a comma-separated list of ${countMin} to ${countMax} items`)
  }
})

/** A venue's symbol, for example BTCUSDT. */
export const symbol: Kind<string> = {
  unit: 'symbol',
  parse: (text) =>
    /^[A-Z0-9]{2,20}$/.test(text)
      ? ok(text)
      : refuse('upper-case letters and digits, such as BTCUSDT')
}

/** Scheme, host and port; a path, query or user would be ignored and is refused. */
export const baseUrl = (...schemes: readonly string[]): Kind<string> => ({
  unit: 'URL',
  parse: (text) => {
    const begins = schemes.map((scheme) => `${scheme}://`).join(' or ')
    const allowed = `${begins} with a host and, if need be, a port, without a path`
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !schemes.includes(url.protocol.slice(0, -1))) return refuse(allowed)
    const bare = url.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
    return bare && url.hostname !== '' ? ok(text.replace(/\/$/, '')) : refuse(allowed)
  }
})

/** Whether only this machine reaches a server there. */
export const isLoopbackHost = (host: string): boolean =>
  /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1|localhost)$/.test(host)

/** An address to listen on: `0.0.0.0` and `::` are all of this machine's. */
export const listenHost: Kind<string> = {
  unit: 'host',
  parse: (text) =>
    text === 'localhost' || isIP(text) !== 0
      ? ok(text)
      : refuse('localhost or an address such as 127.0.0.1, ::1 or 0.0.0.0')
}

/** A folder; relative ones start at the current directory. */
export const folder: Kind<string> = {
  unit: 'folder',
  parse: (text) =>
    text.trim() === '' || text.includes('\0') ? refuse('the path of a folder') : ok(text)
}

/** A file; relative ones start at the current directory. */
export const file: Kind<string> = {
  unit: 'file',
  parse: (text) =>
    text.trim() === '' || text.includes('\0') ? refuse('the path of a file') : ok(text)
}

/** `host:port`; an IPv6 address stands in brackets. */
export const hostPort: Kind<string> = {
  unit: 'host:port',
  parse: (text) => {
    const match = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text)
    const port = Number(match?.[2])
    return port >= 1 && port <= 65_535
      ? ok(text)
      : refuse('a host and a port from 1 to 65535, such as kafka-1:9092')
  }
}

/** A name that other systems keep: letters, digits, dots, dashes and underscores. */
export const identifier: Kind<string> = {
  unit: 'name',
  parse: (text) =>
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text)
      ? ok(text)
      : refuse('up to 100 letters, digits, dots, dashes and underscores, such as k2-prod')
}

/** Scopes of a token: visible characters, with single spaces between them (RFC 6749, 3.3). */
export const scopes: Kind<string> = {
  unit: 'scopes',
  parse: (text) =>
    text.length <= 500 && /^[!#-[\]-~]+( [!#-[\]-~]+)*$/.test(text)
      ? ok(text)
      : refuse('up to 500 characters: scopes with single spaces between them, such as catalog')
}

/** As `baseUrl`, but with a path. */
export const pathUrl = (...schemes: readonly string[]): Kind<string> => ({
  unit: 'URL',
  parse: (text) => {
    const begins = schemes.map((scheme) => `${scheme}://`).join(' or ')
    const url = URL.canParse(text) ? new URL(text) : undefined
    const isPlain =
      url !== undefined &&
      schemes.includes(url.protocol.slice(0, -1)) &&
      url.search === '' &&
      url.hash === '' &&
      url.username === '' &&
      url.password === ''
    return isPlain
      ? ok(text.replace(/\/$/, ''))
      : refuse(`${begins} with a host, without user, query or fragment`)
  }
})

/**
 * A password or key: any text. It shows as `[secret]` wherever a configuration is printed; its
 * text is asked for by `reveal`.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }
}

export const secret: Kind<Secret> = {
  unit: 'secret',
  isSecret: true,
  parse: (text) => ok(new Secret(text))
}
