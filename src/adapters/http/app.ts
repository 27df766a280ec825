/**
 * The HTTP API as a Hono app: guards, routes, problems.
 *
 * 1. Every answer carries a correlation id and the security headers, errors too.
 * 2. Every error is a problem document; causes go to `observe` only, and only those of failures
 *    that are the server's own.
 * 3. A route answers GET and HEAD, or the one method that changes something; any other method on
 *    its address is 405 and names those that there are.
 * 4. What changes something takes `application/json` only: a form of another site cannot send it
 *    (R50).
 * 5. A client that goes away interrupts its query.
 * 6. Overloaded, data is refused before anything is read; what says how things are goes on.
 */
import * as Cause from 'effect/Cause'
import * as Effect from 'effect/Effect'
import { type Context, Hono } from 'hono'
import type { ApiDeps } from './api-deps.ts'
import { makeKeyCheck } from './api-keys.ts'
import { readJson } from './body.ts'
import { correlationHeader, guard, securityHeaders } from './guards.ts'
import { parseParameters } from './parameters.ts'
import {
  faultProblem,
  internalProblem,
  invalidParameters,
  overloadProblem,
  type Problem,
  problemResponse
} from './problem.ts'
import type { Route } from './route.ts'
import { indexResponse, makeRoutes } from './routes.ts'

interface Env {
  readonly Variables: { correlationId: string; route: string }
}

/** The app; `server.ts` gives it a port, tests call `request` on it. */
export const makeApp = (deps: ApiDeps): Hono<Env> => {
  const app = new Hono<Env>()
  const routes = makeRoutes(deps)
  const index: Route = {
    path: '/',
    about: 'This index',
    parameters: {},
    check: () => [],
    answer: () => Effect.sync(() => indexResponse(deps.version, routes))
  }
  app.use(observed(deps))
  for (const [path, atPath] of byPath([index, ...routes])) {
    const pattern = path.replace(/\{(\w+)\}/, ':$1{.+}')
    for (const route of atPath)
      app.on(route.method ?? 'GET', pattern, (context) => answer(deps, route, context))
    app.all(pattern, (context) => {
      context.set('route', path)
      return problemResponse(methodNotAllowed(atPath), context.get('correlationId'))
    })
  }
  app.notFound((context) => problemResponse(notFound, context.get('correlationId')))
  app.onError((cause, context) => {
    if (context.req.raw.signal.aborted) return new Response(null, { status: clientGone })
    report(deps, context, cause)
    return problemResponse(internalProblem, context.get('correlationId'))
  })
  return app
}

const notFound: Problem = {
  status: 404,
  code: 'not_found',
  detail: 'GET / lists the addresses of this server'
}

const byPath = (routes: readonly Route[]): ReadonlyMap<string, readonly Route[]> => {
  const found = new Map<string, readonly Route[]>()
  for (const route of routes) found.set(route.path, [...(found.get(route.path) ?? []), route])
  return found
}

const methodNotAllowed = (routes: readonly Route[]): Problem => {
  const methods = routes.flatMap(({ method }) => method ?? ['GET', 'HEAD'])
  return {
    status: 405,
    code: 'method_not_allowed',
    detail: `use ${methods.join(' or ')}`,
    headers: { allow: methods.join(', ') }
  }
}

/** Data costs; what says how things are does not, and is needed most now (6). */
const isData = ({ path }: Route): boolean =>
  path.startsWith('/v1/') && !path.startsWith('/v1/system/')

const notJson: Problem = {
  status: 415,
  code: 'unsupported_media_type',
  detail: 'send the header content-type: application/json; the body may be empty'
}

/** Outermost: sees what the client gets. */
const observed = (deps: ApiDeps) => {
  const keyCheck = deps.apiKeys.length === 0 ? undefined : makeKeyCheck(deps.apiKeys)
  return async (context: Context<Env>, next: () => Promise<void>): Promise<void> => {
    const startedMs = performance.now()
    const { correlationId, problem } = guard(context.req.raw, deps.newCorrelationId, keyCheck)
    context.set('correlationId', correlationId)
    context.set('route', 'unmatched')
    if (problem === undefined) await next()
    else context.res = problemResponse(problem, correlationId)
    for (const [name, value] of Object.entries(securityHeaders))
      context.res.headers.set(name, value)
    context.res.headers.set(correlationHeader, correlationId)
    deps.observe({
      type: 'http.request_finished',
      method: context.req.method,
      route: context.get('route'),
      status: context.res.status,
      durationMs: performance.now() - startedMs,
      correlationId
    })
  }
}

const answer = async (deps: ApiDeps, route: Route, context: Context<Env>): Promise<Response> => {
  context.set('route', route.path)
  const correlationId = context.get('correlationId')
  if (route.method === 'POST' && !isJson(context)) return problemResponse(notJson, correlationId)
  const overloadSeconds = isData(route) ? deps.overloadSeconds() : undefined
  if (overloadSeconds !== undefined)
    return problemResponse(overloadProblem(overloadSeconds), correlationId)
  const parsed = parseParameters(context.req.url, route.parameters)
  const errors = parsed.ok ? route.check(parsed.values) : parsed.errors
  if (!parsed.ok || errors.length > 0)
    return problemResponse(invalidParameters(errors), correlationId)
  const body = route.readsBody === true ? await readJson(context.req.raw) : { value: undefined }
  if ('problem' in body) return problemResponse(body.problem, correlationId)
  const { values } = parsed
  const call = { values, segments: context.req.param(), body: body.value, correlationId }
  const exit = await deps.run(route.answer(call), { signal: context.req.raw.signal })
  if (exit._tag === 'Success') return exit.value
  if (context.req.raw.signal.aborted) return new Response(null, { status: clientGone })
  const found = Cause.findErrorOption(exit.cause)
  const fault = found._tag === 'Some' ? found.value : undefined
  const problem = fault === undefined ? internalProblem : faultProblem(fault._tag)
  if (fault === undefined || problem.status === internalProblem.status)
    report(deps, context, exit.cause)
  else {
    const refused = { route: route.path, correlationId, status: problem.status, fault }
    deps.observe({ type: 'http.request_refused', ...refused })
  }
  return problemResponse(problem, correlationId)
}

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
