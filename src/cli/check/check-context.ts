/**
 * What all checks ask with: a K2 by its address, further services by theirs, files of the
 * repository.
 *
 * 1. Every question has a deadline, and a failure of the network is an answer of its own.
 */
import { resolve } from 'node:path'
import type { Config } from '../../adapters/config/config.ts'
import type { StackFacts } from './stack-address.ts'

export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Headers
  readonly ms: number
}

export interface CheckContext {
  readonly config: Config
  readonly projectRoot: string
  /** Of K2. */
  readonly url: string
  readonly isRunning: boolean
  readonly prometheusUrl: string | undefined
  readonly grafanaUrl: string | undefined
  readonly windowMs: number
  /** Undefined: none was brought up. A text: why it cannot be asked. */
  readonly stack: StackFacts | string | undefined
  /** Asks K2, with its key. */
  readonly ask: (path: string, init?: RequestInit) => Promise<Answer>
}

/** Of `src/cli/check` as of `dist/cli/check`. */
export const projectRoot = resolve(import.meta.dirname, '..', '..', '..')

const answerMsMax = 30_000

/** The address cannot be asked. */
export class NoAnswer extends Error {}

interface AskOptions {
  readonly msMax?: number
  /** Of an answer without an end. */
  readonly headOnly?: boolean
}

/** @throws NoAnswer */
export const askUrl = async (
  url: string,
  init: RequestInit = {},
  { msMax = answerMsMax, headOnly = false }: AskOptions = {}
): Promise<Answer> => {
  const startedMs = performance.now()
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(msMax) })
    if (headOnly) await response.body?.cancel()
    const text = headOnly ? '' : await response.text()
    const { status, headers } = response
    return { status, text, headers, ms: performance.now() - startedMs }
  } catch (error) {
    throw new NoAnswer(`${url}: ${reasonOf(error)}`, { cause: error })
  }
}

export const asker =
  (base: string, { apiKey, apiKeys }: Pick<Config, 'apiKey' | 'apiKeys'>) =>
  (path: string, init: RequestInit = {}): Promise<Answer> => {
    const key = apiKey ?? apiKeys.find(({ secret }) => secret)?.secret
    const headers = new Headers(init.headers)
    if (key !== undefined) headers.set('x-api-key', key.reveal())
    if (init.body !== undefined) headers.set('content-type', 'application/json')
    return askUrl(new URL(path, base).href, { ...init, headers })
  }

export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || error.message : error.message
}

/**
 * The document that K2 answers with.
 * @throws Error for an answer that is not 200
 */
export const jsonOf = (path: string, { status, text }: Answer): unknown => {
  if (status === 200) return JSON.parse(text)
  const help = status === 401 || status === 403 ? '; give the key by K2_API_KEY' : ''
  throw new Error(`${path} answers ${status}: ${detailOf(text)}${help}`)
}

const shownMax = 200

const detailOf = (text: string): string => {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown }
    if (typeof detail === 'string') return detail
  } catch {
    // No problem document, then.
  }
  return text.slice(0, shownMax)
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`

export const ageText = (ms: number): string => {
  const seconds = Math.max(0, ms) / 1_000
  if (seconds < 120) return `${seconds.toFixed(1)} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800
    ? `${(seconds / 3_600).toFixed(1)} h`
    : `${(seconds / 86_400).toFixed(1)} d`
}

const MiB = 1_024 ** 2

export const sizeText = (bytes: number): string =>
  bytes < MiB
    ? `${(bytes / 1_024).toFixed(1)} KiB`
    : bytes < 1_024 * MiB
      ? `${(bytes / MiB).toFixed(1)} MiB`
      : `${(bytes / MiB / 1_024).toFixed(1)} GiB`
