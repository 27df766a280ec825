/**
 * Pages of this server: all of them come from here, as built and as installed from the package
 * registry. They work without a network, and their policy lets a browser load nothing from
 * elsewhere.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

export type PageBody = string | Uint8Array<ArrayBuffer>

interface PageForm {
  readonly type: string
  readonly policy: string
  readonly cacheControl: string
}

export const pageAnswer = (body: PageBody, { type, policy, cacheControl }: PageForm): Response =>
  new Response(body, {
    headers: {
      'content-type': type,
      'content-security-policy': policy,
      'cache-control': cacheControl
    }
  })

/**
 * Pictures in styles are data.
 *
 * @param scripts that may run beside this server's
 * @param more what else is allowed
 */
export const pagePolicy = (scripts: readonly string[] = [], more: readonly string[] = []) =>
  [
    "default-src 'none'",
    ["script-src 'self'", ...scripts].join(' '),
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    ...more,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join('; ')

export const noSuchFile = {
  status: 404,
  code: 'not_found',
  detail: 'the page needs no such file'
} as const

const packages = createRequire(import.meta.url)

/** A file of a package that is installed with this one: that it cannot be read is a defect. */
export const packageFile = (name: string): Promise<Buffer<ArrayBuffer>> =>
  readFile(packages.resolve(name))
