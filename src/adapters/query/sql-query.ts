/**
 * SQL of users over views of pinned snapshots.
 *
 * 1. Every table that a statement reads is pinned once, from before its first row to after its last
 *    (R28), and its snapshot is named in the answer.
 * 2. Tables that it does not read are not touched.
 * 3. What a view leaves out is said in the answer, never silently missing.
 */
import * as Effect from 'effect/Effect'
import type { ScanPlanner } from './query-ports.ts'

interface ViewColumn {
  readonly name: string
  /** As DuckDB spells it. */
  readonly type: string
}

/** A view of one statement. */
interface Source {
  readonly view: string
  readonly columns: readonly ViewColumn[]
  readonly rows:
    | { readonly kind: 'files'; readonly source: string; readonly paths: readonly string[] }
    | { readonly kind: 'json'; readonly text: string }
}

interface PinnedView<E> {
  /** null where the table has none, and where the view is of no one table. */
  readonly snapshotId: string | null
  readonly rows: Source['rows']
  /** What the view lacks, in words. */
  readonly missing?: string | readonly string[]
  /** Runs `use` while the rows can be read. */
  readonly read: <A, E2>(use: Effect.Effect<A, E2>) => Effect.Effect<A, E | E2>
  readonly release: () => void
}

export interface SqlView<E> {
  readonly name: string
  readonly columns: readonly ViewColumn[]
  readonly pin: Effect.Effect<PinnedView<E>, E>
}

interface SqlRequest {
  readonly sql: string
  readonly rowsMax: number
}

interface SqlAnswer {
  readonly columns: readonly ViewColumn[]
  /** JSON objects, comma-separated. */
  readonly rows: string
  readonly rowCount: number
  readonly cutBy: 'rows' | 'bytes' | null
  /** By table that was read. */
  readonly snapshots: Readonly<Record<string, string | null>>
  readonly missing: readonly string[]
}

interface Refused {
  readonly refusal: { readonly code: string; readonly detail: string }
}

interface Session<E> {
  readonly check: (
    sql: string,
    views: readonly string[]
  ) => Effect.Effect<{ readonly tables: readonly string[] } | Refused, E>
  readonly run: (request: {
    readonly sql: string
    readonly sources: readonly Source[]
    readonly rowsMax: number
    readonly bytesMax: number
  }) => Effect.Effect<Omit<SqlAnswer, 'snapshots' | 'missing'> | Refused, E>
}

interface SqlEngine<SessionError, E> {
  readonly use: <A, E2>(
    statement: (session: Session<SessionError>) => Effect.Effect<A, E2>
  ) => Effect.Effect<A, E | E2>
}

export interface SqlQuery<E> {
  readonly run: (request: SqlRequest) => Effect.Effect<SqlAnswer | Refused, E>
}

export const makeSqlQuery = <ViewError, SessionError, EngineError>({
  engine,
  views,
  rowsMax,
  bytesMax
}: {
  readonly engine: SqlEngine<SessionError, EngineError>
  readonly views: readonly SqlView<ViewError>[]
  readonly rowsMax: number
  readonly bytesMax: number
}): SqlQuery<ViewError | SessionError | EngineError> => ({
  run: ({ sql, rowsMax: wanted }) =>
    engine.use((session) =>
      Effect.gen(function* () {
        const checked = yield* session.check(sql, views.map(({ name }) => name))
        if ('refusal' in checked) return checked
        const used = views.filter(({ name }) => checked.tables.includes(name)) // (2)
        return yield* withPinned(used, [], (pinned) => {
          const sources = pinned.map(({ view, rows }) => ({
            view: view.name,
            columns: view.columns,
            rows
          }))
          const limits = { rowsMax: Math.min(wanted, rowsMax), bytesMax }
          return Effect.map(session.run({ sql, sources, ...limits }), (answer) =>
            'refusal' in answer
              ? answer
              : {
                  ...answer,
                  snapshots: Object.fromEntries(
                    pinned.map(({ view, snapshotId }) => [view.name, snapshotId])
                  ),
                  missing: pinned.flatMap(({ missing }) => missing ?? [])
                }
          )
        })
      })
    )
})

type Pinned<E> = PinnedView<E> & { readonly view: SqlView<E> }

/** (1) */
const withPinned = <A, E, E2>(
  [view, ...rest]: readonly SqlView<E>[],
  pinned: readonly Pinned<E>[],
  use: (pinned: readonly Pinned<E>[]) => Effect.Effect<A, E2>
): Effect.Effect<A, E | E2> =>
  view === undefined
    ? use(pinned)
    : Effect.acquireUseRelease(
        view.pin,
        (of) => of.read(withPinned(rest, [...pinned, { ...of, view }], use)),
        (of) => Effect.sync(() => of.release())
      )

/** A view over all files of a table. */
export const filesView = <E>(
  name: string,
  columns: readonly ViewColumn[],
  planner: ScanPlanner<E>
): SqlView<E> => ({
  name,
  columns,
  pin: Effect.map(planner.acquire({}), ({ snapshotId, files, source, beyond, read, release }) => ({
    snapshotId,
    missing: beyond.missing,
    rows: { kind: 'files', source, paths: files.map(({ path }) => path) },
    read: (use) => read(files, use),
    release
  }))
})

/** A view of rows that are made when a statement asks for them. */
export const rowsView = <E>(
  name: string,
  columns: readonly ViewColumn[],
  rows: Effect.Effect<
    {
      readonly snapshotId: string | null
      /** A JSON object each. */
      readonly rows: readonly string[]
      readonly missing?: string | readonly string[]
    },
    E
  >
): SqlView<E> => ({
  name,
  columns,
  pin: Effect.map(rows, ({ rows: texts, ...of }) => ({
    ...of,
    rows: { kind: 'json', text: `[${texts.join(',')}]` },
    read: (use) => use,
    release: () => {}
  }))
})
