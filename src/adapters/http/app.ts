/**
 * The HTTP API as a Hono app: guards, routes, problems.
 *
 * 1. Every answer carries a correlation id and the security headers, errors too.
 * 2. Every error is a problem document; causes go to `observe` only, and only those of failures
 *    that are the server's own.
 * 3. A route answers GET and HEAD, or the one method that changes something; any other method on
 *    its address is 405 and names those that there are, and OPTIONS names them too.
 * 4. What changes something takes `application/json` only: a form of another site cannot send it
 *    (R50).
 * 5. A client that goes away interrupts its query.
 * 6. Overloaded, data is refused before anything is read; what says how things are goes on.
 */
import type * as Cause from 'effect/Cause'
import * as Effect from 'effect/Effect'
import type { HttpBindings } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { cors } from 'hono/cors'
import type { ApiDeps, ApiFault, QueryFacts } from './api-deps.ts'
import { CurrentCost, CurrentSteps, noCost, QuerySteps } from '../telemetry/query-cost.ts'
import { scopeMissing } from './api-keys.ts'
import { parseFields } from './body-fields.ts'
import { readJson } from './body.ts'
import { compressed } from './compression.ts'
import { reported } from './fault-report.ts'
import { correlationHeader, type Guarded, makeGuard, securityHeaders } from './guards.ts'
import { rateHeaders } from './rate-limits.ts'
import { parseParameters } from './parameters.ts'
import {
  type FieldError,
  internalProblem,
  invalidParameters,
  overloadProblem,
  type Problem,
  problemResponse
} from './problem.ts'
import { isData, type Route } from './route.ts'
import { explainHeader } from './explain.ts'
import { answerHeaders } from './records-answer.ts'
import { makeRoutes } from './routes.ts'

interface Env {
  readonly Variables: {
    correlationId: string
    route: string
    guarded: Guarded
    query: QueryFacts | undefined
  }
}

/** The app; `server.ts` gives it a port, tests call `request` on it. */
export const makeApp = (deps: ApiDeps): Hono<Env> => {
  const app = new Hono<Env>()
  const routes = makeRoutes(deps)
  const { corsOrigins } = deps.access
  if (corsOrigins.length > 0) app.use(cors(corsOptions(corsOrigins)))
  app.use(compressed())
  app.use(observed(deps))
  for (const [path, atPath] of byPath(routes)) {
    const pattern = path.replace(/\{(\w+)\}/g, ':$1{.+}')
    for (const route of atPath)
      app.on(route.method ?? 'GET', pattern, (context) => answer(deps, route, context))
    app.all(pattern, (context) => {
      context.set('route', path)
      const allow = methodsOf(atPath)
      if (context.req.method === 'OPTIONS')
        return new Response(null, { status: 204, headers: { allow } })
      return problemResponse(methodNotAllowed(allow), context.get('correlationId'))
    })
  }
  app.notFound((context) =>
    problemResponse(notFound(context.req.path), context.get('correlationId'))
  )
  app.onError((cause, context) => {
    if (context.req.raw.signal.aborted) return new Response(null, { status: clientGone })
    report(deps, context, cause)
    return problemResponse(internalProblem, context.get('correlationId'))
  })
  return app
}

/** A preflight carries no key and reads nothing: it is answered before the guard. */
const corsOptions = (origins: readonly string[]) => ({
  origin: [...origins],
  allowMethods: ['GET', 'HEAD', 'POST', 'DELETE'],
  allowHeaders: ['authorization', 'content-type', correlationHeader, 'x-api-key', reasonHeader],
  exposeHeaders: [
    correlationHeader,
    levelHeader,
    'retry-after',
    ...rateHeaders,
    ...answerHeaders,
    explainHeader
  ],
  maxAge: 600
})

const shownPathChars = 100

const notFound = (path: string): Problem => ({
  status: 404,
  code: 'not_found',
  detail: `${path.slice(0, shownPathChars)} is no address of this server`
})

const byPath = (routes: readonly Route[]): ReadonlyMap<string, readonly Route[]> => {
  const found = new Map<string, readonly Route[]>()
  for (const route of routes) found.set(route.path, [...(found.get(route.path) ?? []), route])
  return found
}

/** As the header `Allow` lists them. */
const methodsOf = (routes: readonly Route[]): string =>
  routes.flatMap(({ method }) => method ?? ['GET', 'HEAD']).join(', ')

const methodNotAllowed = (allow: string): Problem => ({
  status: 405,
  code: 'method_not_allowed',
  detail: `use ${allow.replaceAll(', ', ' or ')}`,
  headers: { allow }
})

const notJson: Problem = {
  status: 415,
  code: 'unsupported_media_type',
  detail: 'send the header content-type: application/json; the body may be empty'
}

/** Outermost: sees what the client gets. */
const observed = (deps: ApiDeps) => {
  const guard = makeGuard(deps.access, deps)
  return async (context: Context<Env>, next: () => Promise<void>): Promise<void> => {
    const startedMs = performance.now()
    const peer = (context.env as Partial<HttpBindings> | undefined)?.incoming?.socket.remoteAddress
    const guarded = guard(context.req.raw, peer ?? 'unknown')
    const { correlationId, trace, address, caller, problem } = guarded
    context.set('correlationId', correlationId)
    context.set('guarded', guarded)
    context.set('route', 'unmatched')
    context.set('query', undefined)
    if (problem === undefined) await next()
    else context.res = problemResponse(problem, correlationId)
    const level = deps.level()
    const headers = { ...securityHeaders, ...guarded.headers, [correlationHeader]: correlationId }
    for (const [name, value] of Object.entries(headers)) {
      if (!ownedByPages.has(name) || !context.res.headers.has(name))
        context.res.headers.set(name, value)
    }
    if (level !== null) context.res.headers.set(levelHeader, level)
    deps.observe({
      type: 'http.request_finished',
      method: context.req.method,
      route: context.get('route'),
      status: context.res.status,
      durationMs: performance.now() - startedMs,
      correlationId,
      trace,
      caller: caller.key,
      address,
      query: context.get('query')
    })
  }
}

const levelHeader = 'k2-level'

/** A page of this server says what it loads, and how long that may be kept. */
const ownedByPages: ReadonlySet<string> = new Set(['content-security-policy', 'cache-control'])

const answer = async (deps: ApiDeps, route: Route, context: Context<Env>): Promise<Response> => {
  const ended = deps.answering?.(context.req.method, route.path)
  const response = await answered(deps, route, context).finally(ended)
  if (route.scope !== 'admin') return response
  const { caller, address, correlationId } = context.get('guarded')
  deps.observe({
    type: 'http.admin_action',
    method: context.req.method,
    path: context.req.path,
    status: response.status,
    caller: caller.key,
    address,
    reason: reasonOf(context),
    correlationId
  })
  return response
}

const answered = async (deps: ApiDeps, route: Route, context: Context<Env>): Promise<Response> => {
  context.set('route', route.path)
  const { correlationId, caller } = context.get('guarded')
  const { scope = 'read' } = route
  if (!caller.scopes.has(scope)) return problemResponse(scopeMissing(scope), correlationId)
  if (route.method === 'POST' && !isJson(context)) return problemResponse(notJson, correlationId)
  const overloadSeconds = isData(route) ? deps.overloadSeconds() : undefined
  if (overloadSeconds !== undefined)
    return problemResponse(overloadProblem(overloadSeconds), correlationId)
  const parsed = parseParameters(context.req.url, route.parameters)
  const errors = !parsed.ok ? parsed.errors : route.fields ? [] : route.check(parsed.values)
  if (!parsed.ok || errors.length > 0)
    return problemResponse(invalidParameters(errors), correlationId)
  const body = route.readsBody === true ? await readJson(context.req.raw) : { value: undefined }
  if ('problem' in body) return problemResponse(body.problem, correlationId)
  const fields = parsedBody(route, body.value)
  if ('errors' in fields) return problemResponse(invalidParameters(fields.errors), correlationId)
  const { values } = parsed
  const call = {
    values,
    segments: context.req.param(),
    body: fields.values,
    headers: context.req.raw.headers,
    correlationId
  }
  const cost = noCost()
  const steps = new QuerySteps()
  const answering = route.answer(call).pipe(
    Effect.provideService(CurrentCost, cost),
    Effect.provideService(CurrentSteps, steps)
  )
  if (isData(route)) {
    const parameters = parametersOf(context, body.value)
    context.set('query', { parameters, cost, steps: steps.all })
  }
  const exit = await deps.run(answering, { signal: context.req.raw.signal })
  if (exit._tag === 'Failure') return failed(deps, context, exit.cause)
  // Nobody reads the body, and so nobody would end what makes it.
  if (context.req.method === 'HEAD') await exit.value.body?.cancel()
  return exit.value
}

/** The body as it is where the route has no fields. */
const parsedBody = (
  { fields, check }: Route,
  body: unknown
): { readonly values: unknown } | { readonly errors: readonly FieldError[] } => {
  if (fields === undefined) return { values: body }
  const parsed = parseFields(body, fields)
  const errors = parsed.ok ? check(parsed.values) : parsed.errors
  return errors.length > 0 || !parsed.ok ? { errors } : { values: parsed.values }
}

const parameterCharsMax = 2_000

/** Of the address, and of the body of a request that has one. */
const parametersOf = (context: Context<Env>, body: unknown): Readonly<Record<string, string>> => {
  const ofBody = typeof body === 'object' && body !== null ? Object.entries(body) : []
  return Object.fromEntries(
    [...Object.entries(context.req.query()), ...ofBody].map(([name, value]) => [
      name,
      String(value).slice(0, parameterCharsMax)
    ])
  )
}

const failed = (
  deps: ApiDeps,
  context: Context<Env>,
  cause: Cause.Cause<ApiFault>
): Response => {
  if (context.req.raw.signal.aborted) return new Response(null, { status: clientGone })
  const asked = { route: context.get('route'), correlationId: context.get('correlationId') }
  return problemResponse(reported(deps, cause, asked), asked.correlationId)
}

const reasonHeader = 'x-reason'
const reasonCharsMax = 200

/** Why something is changed, for the log. */
const reasonOf = (context: Context<Env>): string | undefined =>
  context.req.header(reasonHeader)?.slice(0, reasonCharsMax)

const isJson = (context: Context<Env>): boolean =>
  /^application\/json\s*(?:;|$)/i.test(context.req.header('content-type') ?? '')

/** Nobody reads it; it tells metrics that the client left, not that the server failed. */
const clientGone = 499

const report = (deps: ApiDeps, context: Context<Env>, cause: unknown): void =>
  deps.observe({
    type: 'http.request_failed',
    route: context.get('route'),
    correlationId: context.get('correlationId'),
    cause
  })
