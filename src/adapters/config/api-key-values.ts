/** Keys of the HTTP API: who has them, what they allow, and either the key or its digest. */
import { createHash } from 'node:crypto'
import { type Kind, ok, refuse, Secret } from './values.ts'

/** read: queries and metrics; sql: statements of one's own; admin: what changes how K2 runs. */
export const scopes = ['read', 'sql', 'admin'] as const
export type Scope = (typeof scopes)[number]

export interface ApiKey {
  /** For logs. */
  readonly name: string
  readonly scopes: ReadonlySet<Scope>
  /** SHA-256 of the key; it shows in no text. */
  readonly digest: () => Buffer
  /** Undefined where only the digest is configured. */
  readonly secret: Secret | undefined
}

const entry = new RegExp(
  '^(?:(?!sha256:)(?<name>[a-z][a-z0-9-]{0,31})(?:=(?<scopes>[a-z+]+))?:)?' +
    '(?:sha256:(?<digest>[0-9a-fA-F]{64})|(?<key>[A-Za-z0-9._~+/=-]{32,256}))$'
)

export const apiKeys = (countMax: number): Kind<readonly ApiKey[]> => ({
  unit: 'list of keys',
  isSecret: true,
  parse: (text) => {
    const texts = text.split(',').map((part) => part.trim()).filter((part) => part !== '')
    const keys = texts.map((part, index) => apiKeyOf(part, `key-${index + 1}`))
    const known = keys.filter((key) => key !== undefined)
    const isWhole =
      known.length === keys.length &&
      keys.length <= countMax &&
      new Set(known.map(({ name }) => name)).size === keys.length &&
      new Set(known.map(({ digest }) => digest().toString('hex'))).size === keys.length
    return isWhole
      ? ok(known)
      : refuse(
          `at most ${countMax} different keys, comma-separated, each of 32 to 256 letters, ` +
            'digits and ._~+/=- characters, such as `openssl rand -hex 32` makes, or sha256: and ' +
            'its SHA-256 in hex; before it may stand a name of its own and what it allows, ' +
            `of ${scopes.join(', ')}: quant=read+sql:…`
        )
  }
})

const apiKeyOf = (text: string, nameDefault: string): ApiKey | undefined => {
  const { name, scopes: list, digest: hex, key } = entry.exec(text)?.groups ?? {}
  const named = list?.split('+') ?? scopes
  const allowed = scopes.filter((scope) => named.includes(scope))
  if ((key === undefined && hex === undefined) || allowed.length !== named.length) return undefined
  const digest = hex === undefined ? digestOf(key!) : Buffer.from(hex, 'hex')
  return {
    name: name ?? nameDefault,
    scopes: new Set(allowed),
    digest: () => digest,
    secret: key === undefined ? undefined : new Secret(key)
  }
}

export const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()
