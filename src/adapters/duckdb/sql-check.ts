/**
 * Whether a parsed statement may run: a walk over the tree that DuckDB's own parser gives. Pure.
 *
 * 1. What is not known to be harmless is refused: kinds of nodes, tables, functions.
 * 2. A table is one of the views or a WITH name in its scope, by a plain name without schema. Such
 *    a name is never that of a file, which has a dot, nor of the catalog's own relations.
 * 3. Depth is bounded.
 */
import { allowedFunctions, allowedTableFunctions } from './sql-functions.ts'
import type { SqlRefusal, SqlRefusalCode } from './sql-protocol.ts'

type Node = Readonly<Record<string, unknown>>

export type SqlVerdict = { readonly tables: readonly string[] } | { readonly refusal: SqlRefusal }

/** @param tree answer of `json_serialize_sql`, parsed */
export const checkSql = (tree: unknown, views: readonly string[]): SqlVerdict => {
  const { error, error_type: errorType, error_message: message, statements } = tree as Node
  if (error === true) {
    return errorType === 'parser'
      ? refusalOf('sql_invalid', String(message))
      : refusalOf('sql_not_allowed', onlySelect)
  }
  if (!Array.isArray(statements) || statements.length !== 1)
    return refusalOf('sql_not_allowed', onlySelect)
  const walk = new Walk(views)
  try {
    walk.visit(statements[0], new Set(), 0)
  } catch (fault) {
    if (fault instanceof Refused) return { refusal: fault.refusal }
    throw fault
  }
  return { tables: [...walk.tables] }
}

const onlySelect = 'send one SELECT (WITH and DESCRIBE are such): nothing else is run here'

const refusalOf = (code: SqlRefusalCode, detail: string) => ({ refusal: { code, detail } })

class Refused extends Error {
  readonly refusal: SqlRefusal
  constructor(code: SqlRefusalCode, detail: string) {
    super(detail)
    this.refusal = { code, detail }
  }
}

const depthMax = 600
const plainName = /^[\p{L}_][\p{L}\p{N}_]{0,62}$/u
const catalogName = /^(?:duckdb|pragma|sqlite|pg)_|^information_schema$/

const expressionClasses = new Set([
  'BETWEEN', 'CASE', 'CAST', 'COLLATE', 'COLUMN_REF', 'COMPARISON', 'CONJUNCTION', 'CONSTANT',
  'FUNCTION', 'LAMBDA', 'LAMBDA_REF', 'OPERATOR', 'POSITIONAL_REFERENCE', 'STAR', 'SUBQUERY',
  'WINDOW'
])
const nodeTypes = new Set([
  'SELECT_NODE', 'SET_OPERATION_NODE', 'RECURSIVE_CTE_NODE', 'CTE_NODE', 'BASE_TABLE',
  'SUBQUERY', 'JOIN', 'TABLE_FUNCTION', 'EXPRESSION_LIST', 'EMPTY', 'PIVOT', 'SHOW_REF',
  'ORDER_MODIFIER', 'LIMIT_MODIFIER', 'LIMIT_PERCENT_MODIFIER', 'DISTINCT_MODIFIER',
  'ORDER_DEFAULT', 'ASCENDING', 'DESCENDING'
])
/** Words that DuckDB answers with facts of the session. */
const sessionWords = new Set([
  'current_catalog', 'current_database', 'current_query', 'current_role', 'current_schema',
  'current_user', 'session_user', 'user'
])

type Scope = ReadonlySet<string>

class Walk {
  readonly tables = new Set<string>()
  readonly #views: ReadonlySet<string>

  constructor(views: readonly string[]) {
    this.#views = new Set(views)
  }

  visit(value: unknown, scope: Scope, depth: number): void {
    if (depth > depthMax) throw new Refused('sql_not_allowed', 'the statement is nested too deeply')
    if (Array.isArray(value)) {
      for (const item of value) this.visit(item, scope, depth + 1)
      return
    }
    if (typeof value !== 'object' || value === null) return
    const node = value as Node
    if (typeof node['class'] === 'string') this.#expression(node)
    else if (typeof node['type'] === 'string') this.#node(node, scope)
    if (node['class'] === 'CONSTANT') return
    const inner = 'cte_map' in node ? this.#withNames(node, scope, depth) : scope
    for (const [key, child] of Object.entries(node)) {
      if (key === 'cte_map') continue
      if (key === 'cast_type') checkType(child, depth)
      else this.visit(child, this.#scopeOf(node, key, inner), depth + 1)
    }
  }

  /** A recursive query names itself on its right side. */
  #scopeOf(node: Node, key: string, scope: Scope): Scope {
    const { type, cte_name: name } = node
    return (type === 'RECURSIVE_CTE_NODE' && key === 'right') ||
      (type === 'CTE_NODE' && key === 'child')
      ? new Set([...scope, nameOfWith(String(name))])
      : scope
  }

  /** Each sees those before it. */
  #withNames(node: Node, scope: Scope, depth: number): Scope {
    const inner = new Set(scope)
    const { map } = node['cte_map'] as { readonly map: ReadonlyArray<Node> }
    for (const { key, value } of map) {
      const name = nameOfWith(String(key))
      this.visit(value, inner, depth + 1)
      inner.add(name)
    }
    return inner
  }

  #expression(node: Node): void {
    const kind = String(node['class'])
    if (kind === 'PARAMETER')
      throw new Refused('sql_not_allowed', 'write the value itself: parameters are not taken')
    if (!expressionClasses.has(kind)) throw refusedNode(kind)
    if (kind === 'COLUMN_REF') {
      const names = node['column_names'] as readonly string[]
      if (names.length === 1 && sessionWords.has(names[0]!.toLowerCase()))
        throw refusedFunction(names[0]!)
    }
    if (kind === 'FUNCTION' || kind === 'WINDOW') {
      const name = String(node['function_name'])
      if (!allowedFunctions.has(name.toLowerCase())) throw refusedFunction(name)
    }
  }

  #node(node: Node, scope: Scope): void {
    const type = String(node['type'])
    if (!nodeTypes.has(type)) throw refusedNode(type)
    if (type === 'BASE_TABLE') this.#table(node, scope)
    if (type === 'SHOW_REF' && (node['query'] === null || node['table_name'] !== ''))
      throw refusedNode('SHOW')
    if (type === 'TABLE_FUNCTION') {
      const name = String((node['function'] as Node | null)?.['function_name'])
      if (!allowedTableFunctions.has(name.toLowerCase())) throw refusedFunction(name)
    }
  }

  #table(node: Node, scope: Scope): void {
    const { schema_name: schema, catalog_name: catalog, at_clause: at } = node
    const given = String(node['table_name'])
    const name = given.toLowerCase()
    if (schema !== '' || catalog !== '' || (at ?? null) !== null)
      throw new Refused('sql_unknown_table', `tables are named plainly: ${this.#list()}`)
    if (scope.has(name)) return
    if (!this.#views.has(name))
      throw new Refused('sql_unknown_table', `there is no table ${shown(given)}: ${this.#list()}`)
    this.tables.add(name)
  }

  #list(): string {
    return [...this.#views].join(', ')
  }
}

const nameOfWith = (given: string): string => {
  const name = given.toLowerCase()
  if (plainName.test(name) && !catalogName.test(name)) return name
  throw new Refused('sql_not_allowed', `${shown(given)} is no name for a WITH: use letters and _`)
}

/** A type is a name with, at most, numbers and other types in it. */
const checkType = (node: unknown, depth: number): void => {
  if (depth > depthMax) throw new Refused('sql_not_allowed', 'the statement is nested too deeply')
  if (Array.isArray(node)) {
    for (const item of node) checkType(item, depth + 1)
    return
  }
  if (typeof node !== 'object' || node === null) return
  const { type, name } = node as Node
  if (type === 'UNBOUND_TYPE_INFO' && !/^[A-Za-z][A-Za-z0-9_ ]*$/.test(String(name)))
    throw new Refused('sql_invalid', `there is no type ${shown(String(name))}`)
  if ('class' in node && (node as Node)['class'] !== 'CONSTANT') throw refusedNode('type')
  for (const child of Object.values(node)) checkType(child, depth + 1)
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 64))

const refusedFunction = (name: string): Refused =>
  new Refused(
    'sql_not_allowed',
    `the function ${shown(name)} is not one of those that may be called here: ` +
      'what reads files, settings or the catalog is not, nor what does not exist'
  )

const refusedNode = (kind: string): Refused =>
  new Refused('sql_not_allowed', `${kind} cannot be used here: write a plain SELECT`)
