/**
 * `?explain=1`, of every route that reads tables: what answering cost, beside the answer.
 *
 * 1. It is told in `meta.explain`; in a header where the answer's form has no `meta`, and then of
 *    what was read before the first byte.
 * 2. Nothing else of the answer changes.
 */
import * as Effect from 'effect/Effect'
import * as Schema from 'effect/Schema'
import { costFields, CurrentCost, noCost, roundedMs } from '../telemetry/query-cost.ts'
import { withMeta } from './envelope.ts'
import { mediaTypes } from './formats.ts'
import { choiceParameter, withDefault } from './parameters.ts'
import type { Documented, Route } from './route.ts'

const explainParameter = {
  ...withDefault(choiceParameter('0', '1'), '0'),
  remedy: '1: files, rows and milliseconds that the answer cost, in meta.explain'
}

export const explainHeader = 'k2-explain'

export const explained = (route: Route): Route => ({
  ...route,
  parameters: { ...route.parameters, explain: explainParameter },
  ...(route.responses === undefined ? {} : { responses: documented(route.responses) }),
  answer: (call) => {
    if (call.values['explain'] !== '1') return route.answer(call)
    const startedMs = performance.now()
    return Effect.gen(function* () {
      const response = yield* route.answer(call)
      const cost = (yield* CurrentCost) ?? noCost()
      const explain = () => ({
        ...costFields(cost),
        total_ms: roundedMs(performance.now() - startedMs)
      })
      return response.status === 200
        ? yield* Effect.promise(() => withExplain(response, explain))
        : response
    })
  }
})

const withExplain = async (
  response: Response,
  explain: () => Readonly<Record<string, number>>
): Promise<Response> => {
  if (response.headers.get('content-type') === mediaTypes.json)
    return withMeta(response, () => ({ explain: explain() }))
  response.headers.set(explainHeader, JSON.stringify(explain()))
  return response
}

const schema = Schema.Struct(
  Object.fromEntries(
    [...Object.keys(costFields(noCost())), 'total_ms'].map((name) => [name, Schema.Finite])
  )
).annotate({
  identifier: 'Explain',
  description:
    'What the answer cost: manifests and files that were considered, pruned and read, ' +
    'statements, rows that the engine gave, and milliseconds for what the log has beyond the ' +
    'files (tail), for planning, waiting for a connection and reading. Of statements side by ' +
    'side their sum is told, which may be more than total_ms'
})

const documented = (
  responses: NonNullable<Route['responses']>
): NonNullable<Route['responses']> =>
  Object.fromEntries(
    Object.entries(responses).map(([status, it]) => [
      status,
      status === '200' ? documentedWith(it) : it
    ])
  )

const documentedWith = (answer: Documented): Documented => {
  const { [mediaTypes.json]: json, ...others } = answer.content
  const explainedJson = json === undefined ? {} : { [mediaTypes.json]: withMember(json) }
  return {
    ...answer,
    content: { ...explainedJson, ...others },
    ...(Object.keys(others).length === 0
      ? {}
      : {
          headers: {
            ...answer.headers,
            'K2-Explain': 'Of what is not JSON: as meta.explain, of what was read for its beginning'
          }
        })
  }
}

/** @throws of a schema that is no envelope: a route that has none cannot be explained */
const withMember = (envelope: Schema.Top): Schema.Top => {
  const { fields } = envelope as unknown as { readonly fields: Schema.Struct.Fields }
  const { fields: meta } = fields['meta'] as unknown as { readonly fields: Schema.Struct.Fields }
  return Schema.Struct({
    ...fields,
    meta: Schema.Struct({ ...meta, explain: Schema.optionalKey(schema) })
  })
}
