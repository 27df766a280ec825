/**
 * The API of the K2 that is asked, against its own document: each route is called with what the
 * table really has, and status, headers and body are held against `/openapi.json`.
 */
import { apiRequests, type ApiRequest, type RealFacts } from './api-requests.ts'
import { askUrl, type CheckContext, jsonOf, NoAnswer } from './check-context.ts'
import { type CheckLine, line, notConfigured } from './check-report.ts'
import { type ApiDocument, makeConformance } from './conformance.ts'

const part = 'routes'
const shownMax = 200

interface Records {
  readonly data: readonly {
    readonly symbol: string
    readonly exchange: string
    readonly timestamp: string
  }[]
}

/** Undefined while there is no trade in the table. */
export const realFacts = async ({ ask }: CheckContext): Promise<RealFacts | undefined> => {
  const path = '/v1/snapshots?limit=1'
  const { data } = jsonOf(path, await ask(path)) as {
    readonly data: readonly { readonly snapshot_id: string }[]
  }
  const snapshotId = data[0]?.snapshot_id
  if (snapshotId === undefined) return undefined
  const trades = `/v1/trades?limit=1&snapshot_id=${snapshotId}`
  const [newest] = (jsonOf(trades, await ask(trades)) as Records).data
  if (newest === undefined) return undefined
  const { symbol, exchange, timestamp } = newest
  return { symbol, exchange, newest: timestamp, snapshotId }
}

export const apiChecks = async (context: CheckContext): Promise<readonly CheckLine[]> => {
  const path = '/openapi.json'
  const document = jsonOf(path, await context.ask(path)) as ApiDocument
  const facts = await realFacts(context)
  if (facts === undefined)
    return [notConfigured('api', 'routes', 'no trade has landed yet that could be asked for')]
  const { faults } = makeConformance(document)
  const lines: CheckLine[] = []
  for (const request of apiRequests(document, facts))
    lines.push(await orSilent(context, request, routeLine(context, request, faults)))
  return lines
}

/** A route that does not answer fails alone: the others are still asked. */
const orSilent = async (
  { url: base }: CheckContext,
  { method, path, url = path }: ApiRequest,
  asked: Promise<CheckLine>
): Promise<CheckLine> => {
  try {
    return await asked
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    return line('api', `${method} ${path}`, {
      part,
      figure: error.message,
      remedy: askAgain(base, url),
      isFailure: true
    })
  }
}

const askAgain = (base: string, url: string): string => `curl -i '${new URL(url, base).href}'`

const routeLine = async (
  context: CheckContext,
  request: ApiRequest,
  faults: ReturnType<typeof makeConformance>['faults']
): Promise<CheckLine> => {
  const { path, method, url, init, isEndless } = request
  const name = `${method} ${path}`
  if (url === undefined) return notConfigured('api', name, 'changes something: it is not asked')
  if (isEndless) return endlessLine(context, name, url)
  const answer = await context.ask(url, init)
  const { status, text, ms } = answer
  const found = faults(path, method, answer)
  const values = { status, answerMs: ms, bytes: text.length }
  const isWell = status === 200 && found.length === 0
  return line('api', name, {
    part,
    values,
    figure: isWell
      ? `as documented: 200, ${text.length} bytes in ${ms.toFixed(0)} ms`
      : [`${status} to ${url}`, ...(status === 200 ? [] : [text.slice(0, shownMax)]), ...found]
          .join('; '),
    ...(isWell ? {} : { remedy: askAgain(context.url, url), isFailure: true })
  })
}

/** That it begins is all that can be seen of it. */
const endlessLine = async (
  { url: base, config }: CheckContext,
  name: string,
  url: string
): Promise<CheckLine> => {
  const key = config.apiKey ?? config.apiKeys.find(({ secret }) => secret)?.secret
  const headers: Record<string, string> = key === undefined ? {} : { 'x-api-key': key.reveal() }
  const { status, ms } = await askUrl(new URL(url, base).href, { headers }, { headOnly: true })
  return line('api', name, {
    part,
    figure: status === 200 ? `as documented: begins in ${ms.toFixed(0)} ms` : `${status} to ${url}`,
    values: { status, answerMs: ms },
    ...(status === 200 ? {} : { remedy: 'npm run k2 -- actors --unwell', isFailure: true })
  })
}
