/** What is said between K2 and the process that runs SQL of users. */

/** What the process is told when it starts. */
export interface SqlHostOptions {
  readonly processBytesMax: number
  readonly duckdbBytesMax: number
  readonly threads: number
  readonly directories: readonly string[]
  readonly keptShareMax: number
}

/** A view of the statement: its rows are in files, or came along. */
export interface SqlSource {
  readonly view: string
  /** DuckDB types. */
  readonly columns: ReadonlyArray<{ readonly name: string; readonly type: string }>
  readonly rows:
    | {
        readonly kind: 'files'
        /** Table function over the files, `$files` standing for their list. */
        readonly source: string
        readonly paths: readonly string[]
      }
    /** Rows as a JSON array of objects. */
    | { readonly kind: 'json'; readonly text: string }
}

export interface SqlColumn {
  readonly name: string
  readonly type: string
}

/** Why a statement is not answered, in words for who wrote it: no path, no setting in them. */
export interface SqlRefusal {
  readonly code: SqlRefusalCode
  readonly detail: string
}

export type SqlRefusalCode =
  | 'sql_not_allowed'
  | 'sql_unknown_table'
  | 'sql_invalid'
  | 'sql_failed'
  | 'sql_result_too_large'
  | 'sql_memory_exceeded'

interface SqlCheckRequest {
  readonly type: 'check'
  readonly sql: string
  readonly views: readonly string[]
}

export interface SqlRunRequest {
  readonly type: 'run'
  readonly sql: string
  readonly sources: readonly SqlSource[]
  readonly rowsMax: number
  readonly bytesMax: number
}

export type SqlRequest = SqlCheckRequest | SqlRunRequest

/** The last word on a request. */
export type SqlOutcome =
  | { readonly type: 'checked'; readonly tables: readonly string[] }
  | { readonly type: 'refused'; readonly refusal: SqlRefusal }
  /** For the log: it may name paths. */
  | { readonly type: 'broken'; readonly cause: string }
  | {
      readonly type: 'ended'
      readonly columns: readonly SqlColumn[]
      readonly cutBy: 'rows' | 'bytes' | null
    }

export type SqlReply =
  /** JSON objects, comma-separated. */
  | { readonly type: 'rows'; readonly text: string; readonly count: number }
  | {
      readonly type: 'settled'
      readonly outcome: SqlOutcome
      /** So large still that the next statement would have too little room. */
      readonly isFat: boolean
    }
