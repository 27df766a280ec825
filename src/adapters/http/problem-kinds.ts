/**
 * Problems that the API answers with, by their code: the status that each has, its title, and what
 * its client can do. Whoever adds a code names it in `problems` of the routes that answer it.
 */

interface Kind {
  readonly status: number
  readonly title: string
  /** The remedy, where it is the same for every request. */
  readonly hint?: string
}

const narrower = 'narrow the time range, or name a symbol'
const sqlTables = 'trades, quotes, candles, gaps, snapshots and reference_data'
const soon = 'try again in a moment: the header retry-after says when'

export const problemKinds = {
  invalid_parameters: {
    status: 400,
    title: 'Some parameters are not valid',
    hint: 'errors names each of them, and what to send instead; /docs describes all'
  },
  not_found: {
    status: 404,
    title: 'There is nothing at this address',
    hint: 'GET / lists the addresses of this server, /docs describes them'
  },
  not_acceptable: {
    status: 406,
    title: 'There is no such form of the answer',
    hint: 'send another header accept, or none, or name a form by format'
  },
  method_not_allowed: {
    status: 405,
    title: 'This address does not answer this method',
    hint: 'the header allow names those that it answers'
  },
  api_key_missing: {
    status: 401,
    title: 'This server answers requests with an API key only',
    hint: 'send Authorization: Bearer <key>, or X-API-Key: <key>'
  },
  api_key_invalid: {
    status: 401,
    title: 'The API key is not known',
    hint: 'ask who runs this server for a key of K2_API_KEYS'
  },
  scope_missing: {
    status: 403,
    title: 'The API key does not allow this',
    hint: 'use a key that has the scope'
  },
  rate_limited: {
    status: 429,
    title: 'There were too many requests',
    hint: 'wait as many seconds as the header retry-after says'
  },
  host_not_allowed: {
    status: 403,
    title: 'This server answers requests to this machine only',
    hint: 'ask 127.0.0.1, [::1] or localhost, or set K2_API_KEYS'
  },
  origin_not_allowed: {
    status: 403,
    title: 'This server answers its own pages only',
    hint: 'send no Origin, or name the page in K2_HTTP_CORS_ORIGINS'
  },
  too_much_to_read: { status: 422, title: 'The query reads too much', hint: narrower },
  uri_too_long: {
    status: 414,
    title: 'The address is too long',
    hint: 'send what is long as the body of a POST to /v1/trades/query or /v1/quotes/query'
  },
  body_too_large: {
    status: 413,
    title: 'The request body is too large',
    hint: 'send less in one request'
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    hint: 'send fewer and shorter headers, and what is long in the body of a POST'
  },
  request_too_slow: {
    status: 408,
    title: 'The request came too slowly',
    hint: 'send all headers within 10 seconds and the whole request within 30'
  },
  malformed_request: {
    status: 400,
    title: 'The request cannot be read',
    hint: 'send HTTP/1.1; https:// has its place at a proxy before this server'
  },
  invalid_body: {
    status: 400,
    title: 'The request body is not JSON',
    hint: 'send one JSON object, as UTF-8 and not compressed'
  },
  unsupported_media_type: {
    status: 415,
    title: 'The request must say that it is JSON',
    hint: 'send the header content-type: application/json'
  },
  read_token_invalid: {
    status: 400,
    title: 'The read token is not valid',
    hint: 'send meta.read_token as it came, to the same address; without it, the answer is of now'
  },
  cursor_invalid: {
    status: 400,
    title: 'The cursor is not valid',
    hint: 'send pagination.next_cursor as it came, with the query that gave it'
  },
  snapshot_not_found: {
    status: 404,
    title: 'There is no such snapshot',
    hint: 'GET /v1/snapshots lists those that are kept (K2_SNAPSHOTS_MAX)'
  },
  gone: {
    status: 410,
    title: 'What was asked for is not kept any more',
    hint: 'ask without read_token, cursor and as_of for what is there now'
  },
  read_not_reached: { status: 503, title: 'What was read cannot be read now', hint: soon },
  actor_not_found: {
    status: 404,
    title: 'There is no such actor',
    hint: 'GET /v1/system/actors lists them'
  },
  actor_not_quarantined: {
    status: 409,
    title: 'The actor is not quarantined',
    hint: 'there is nothing to release: GET /v1/system/actors says how it is'
  },
  not_ready: { status: 503, title: 'The service is not ready', hint: soon },
  not_served_here: {
    status: 421,
    title: 'This process answers no queries',
    hint: 'ask a process that has serve in its K2_ROLES'
  },
  table_unavailable: { status: 503, title: 'The table cannot be read yet', hint: soon },
  overloaded: {
    status: 503,
    title: 'The server is overloaded',
    hint: 'GET /v1/system/degradation says why, the header retry-after when to ask again'
  },
  query_queue_full: { status: 429, title: 'Too many queries are waiting', hint: soon },
  replays_busy: { status: 429, title: 'Too many replays are running', hint: soon },
  viewers_busy: { status: 503, title: 'Too many connections watch already', hint: soon },
  rows_removed: {
    status: 410,
    title: 'The records are there no more',
    hint: 'start anew, from a later time'
  },
  not_followed: { status: 503, title: 'Live records cannot be had here', hint: soon },
  query_timed_out: { status: 504, title: 'The query took too long', hint: narrower },
  query_failed: {
    status: 500,
    title: 'The query failed',
    hint: 'tell who runs this server the correlation id'
  },
  sql_not_allowed: {
    status: 403,
    title: 'The statement may not do this',
    hint: 'send one SELECT over the tables, with functions that compute from their arguments'
  },
  sql_unknown_table: {
    status: 400,
    title: 'There is no such table',
    hint: `tables are ${sqlTables}`
  },
  sql_invalid: {
    status: 400,
    title: 'The statement is not valid SQL',
    hint: `it is read as DuckDB's dialect; "DESCRIBE trades" lists the columns of a table`
  },
  sql_failed: {
    status: 422,
    title: 'The statement failed on a value',
    hint: 'TRY_CAST and try() give NULL for a value that does not fit'
  },
  sql_result_too_large: {
    status: 422,
    title: 'The answer is too large',
    hint: 'select fewer columns, aggregate, or add LIMIT'
  },
  sql_memory_exceeded: {
    status: 422,
    title: 'The statement needs too much memory',
    hint: 'add WHERE on symbol and timestamp, or aggregate by fewer columns (K2_SQL_MEMORY_LIMIT)'
  },
  internal_error: {
    status: 500,
    title: 'The server failed',
    hint: 'tell who runs this server the correlation id'
  }
} as const satisfies Readonly<Record<string, Kind>>

export type ProblemCode = keyof typeof problemKinds

/** Of the code, where it has one. */
export const hintOf = (code: ProblemCode): string | undefined => {
  const kind: Kind = problemKinds[code]
  return kind.hint
}
