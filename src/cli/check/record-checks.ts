/**
 * What K2 answers, against what the data folder itself has: the same snapshot is read once by the
 * K2 that runs and once by the folder's own reader, so that nothing that lands meanwhile differs.
 *
 * 1. Rows are compared as text, so that decimals are digit by digit.
 * 2. A folder that is another K2's, or on another machine, is told, and is no fault of that K2.
 */
import * as Effect from 'effect/Effect'
import { version } from '../version.ts'
import { realFacts } from './api-checks.ts'
import type { RealFacts } from './api-requests.ts'
import { type Answer, type CheckContext, jsonOf, plural, reasonOf } from './check-context.ts'
import { type CheckLine, line, notConfigured } from './check-report.ts'

const rowsMax = 1_000
const doctorRemedy = 'npm run k2 -- doctor'

type Ask = CheckContext['ask']

interface Snapshots {
  readonly data: ReadonlyArray<{
    readonly snapshot_id: string
    readonly summary: Readonly<Record<string, string>>
  }>
}

export const recordChecks = async (context: CheckContext): Promise<readonly CheckLine[]> => {
  const facts = await realFacts(context)
  if (facts === undefined)
    return [notConfigured('records', 'rows', 'no trade has landed yet that could be compared')]
  return [
    await conservationLine(context),
    await repeatedLine(context),
    ...(await comparedLines(context, facts))
  ]
}

const conservationLine = async ({ ask }: CheckContext): Promise<CheckLine> => {
  const path = '/v1/system/conservation'
  const { data } = jsonOf(path, await ask(path)) as {
    readonly data: {
      readonly holds: boolean
      readonly broken: number
      readonly equations: readonly unknown[]
    }
  }
  const { holds, broken, equations } = data
  return line('records', 'conservation', {
    figure: `${equations.length - broken} of ${plural(equations.length, 'equation')} hold`,
    values: { equations: equations.length, broken },
    ...(holds ? {} : { remedy: 'npm run k2 -- conservation --state broken', isFailure: true })
  })
}

/** The same bytes for the same token, whatever has landed meanwhile. */
const repeatedLine = async ({ ask }: CheckContext): Promise<CheckLine> => {
  const first = await ask('/v1/trades?limit=100&format=csv')
  const token = first.headers.get('k2-read-token')
  if (first.status !== 200 || token === null)
    return line('records', 'repeated read', {
      figure: `/v1/trades answers ${first.status} without a token`,
      remedy: 'npm run k2 -- actors --unwell',
      isFailure: true
    })
  const query = new URLSearchParams({ limit: '100', format: 'csv', read_token: token })
  const second = await ask(`/v1/trades?${query.toString()}`)
  const isSame = second.status === 200 && second.text === first.text
  return line('records', 'repeated read', {
    figure: isSame
      ? `the same ${first.text.length} bytes by its token`
      : `other bytes by the same token (${second.status})`,
    ...(isSame ? {} : { remedy: doctorRemedy, isFailure: true })
  })
}

const comparedLines = (
  context: CheckContext,
  facts: RealFacts
): Promise<readonly CheckLine[]> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const folder = yield* folderAsker(context)
        return yield* Effect.promise(() => compare(context, folder, facts))
      })
    ).pipe(
      // (2)
      Effect.catch(({ message }) =>
        Effect.succeed([notConfigured('records', 'rows against the folder', message)])
      )
    )
  )

const folderAsker = ({ config }: CheckContext) =>
  Effect.gen(function* () {
    const { openLocalApi } = yield* loadLocalApi
    const complaints: string[] = []
    const { request } = yield* openLocalApi({
      config,
      version,
      run: (effect, options) => Effect.runPromiseExit(effect, options),
      complain: (text) => void complaints.push(text)
    })
    const ask: Ask = async (path, init) => {
      const startedMs = performance.now()
      const headers = new Headers(init?.headers)
      if (init?.body !== undefined) headers.set('content-type', 'application/json')
      const url = new URL(path, 'http://127.0.0.1')
      const response = await request(new Request(url, { ...init, headers }))
      const text = await response.text()
      const answer: Answer = {
        status: response.status,
        text,
        headers: response.headers,
        ms: performance.now() - startedMs
      }
      return answer
    }
    return ask
  })

// Loaded only where it is used: a short check needs no DuckDB.
const loadLocalApi = Effect.promise(() => import('../../actors/reading/local-api.ts'))

const compare = async (
  { ask, config }: CheckContext,
  folder: Ask,
  { symbol, exchange, snapshotId }: RealFacts
): Promise<readonly CheckLine[]> => {
  const theirs = await snapshotOf(ask, snapshotId)
  const ours = await snapshotOf(folder, snapshotId)
  if (theirs === undefined || ours === undefined) {
    const whose = ours === undefined ? `${config.dataDir} does not have` : 'K2 has let go of'
    return [
      line('records', 'rows against the folder', {
        figure: `${whose} the snapshot ${snapshotId}`,
        remedy: 'name the data folder of that K2 by --data-dir'
      })
    ]
  }
  const query = { exchange, snapshot_id: snapshotId, limit: String(rowsMax), format: 'csv' }
  const one = `/v1/trades?${new URLSearchParams({ symbol, ...query }).toString()}`
  const all = `/v1/trades?${new URLSearchParams(query).toString()}`
  return [
    countLine(theirs, ours),
    rowsLine(`rows of ${symbol}`, await ask(one), await folder(one)),
    rowsLine('newest rows of all', await ask(all), await folder(all)),
    await filesLine(folder)
  ]
}

const snapshotOf = async (ask: Ask, snapshotId: string) => {
  const path = '/v1/snapshots?limit=100'
  const { data } = jsonOf(path, await ask(path)) as Snapshots
  return data.find((it) => it.snapshot_id === snapshotId)?.summary
}

const countLine = (
  theirs: Readonly<Record<string, string>>,
  ours: Readonly<Record<string, string>>
): CheckLine => {
  const [served, kept] = [theirs, ours].map((it) => it['total-records'])
  const isSame = served !== undefined && served === kept
  return line('records', 'rows of the snapshot', {
    figure: isSame ? `${served} in both` : `K2 says ${served}, the folder ${kept}`,
    ...(isSame ? { values: { rows: Number(served) } } : { remedy: doctorRemedy, isFailure: true })
  })
}

/** (1) */
export const rowsLine = (name: string, served: Answer, kept: Answer): CheckLine => {
  const failed = (figure: string) =>
    line('records', name, { figure, remedy: doctorRemedy, isFailure: true })
  if (served.status !== 200 || kept.status !== 200)
    return failed(`K2 answers ${served.status}, the folder's reader ${kept.status}`)
  const [theirs, ours] = [served, kept].map(({ text }) => text.trimEnd().split(/\r?\n/))
  const rows = theirs!.length - 1
  const different = theirs!.findIndex((row, index) => row !== ours![index])
  if (different === -1 && theirs!.length === ours!.length)
    return line('records', name, {
      figure: `${plural(rows, 'row')} the same, digit by digit`,
      values: { rows }
    })
  const at = different === -1 ? theirs!.length : different
  return failed(`row ${at} is ${theirs![at] ?? 'absent'}, in the folder ${ours![at] ?? 'absent'}`)
}

/** What the files really have, against what the metadata says of the same snapshot. */
const filesLine = async (folder: Ask): Promise<CheckLine> => {
  const name = 'rows of the files'
  try {
    const body = JSON.stringify({ sql: 'SELECT count(*) AS rows FROM trades' })
    const { data, meta } = jsonOf('/v1/sql', await folder('/v1/sql', { method: 'POST', body })) as {
      readonly data: readonly { readonly rows: number }[]
      readonly meta: { readonly snapshots: Readonly<Record<string, string>> }
    }
    const counted = data[0]?.rows
    const snapshotId = meta.snapshots['trades'] ?? ''
    const said = (await snapshotOf(folder, snapshotId))?.['total-records']
    const isSame = counted !== undefined && String(counted) === said
    return line('records', name, {
      figure: isSame
        ? `${counted} counted, as snapshot ${snapshotId} says`
        : `${counted} counted, snapshot ${snapshotId} says ${said}`,
      ...(isSame ? { values: { rows: counted } } : { remedy: doctorRemedy, isFailure: true })
    })
  } catch (error) {
    return line('records', name, {
      figure: reasonOf(error),
      remedy: doctorRemedy,
      isFailure: true
    })
  }
}
