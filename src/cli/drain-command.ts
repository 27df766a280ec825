/** `npm run k2 -- drain`: has a running K2 end as on SIGTERM, wherever it runs. */
import * as Schema from 'effect/Schema'
import { answerFromApi, apiExitCodes, urlFlag } from './ask-api.ts'
import type { Command } from './command-line.ts'
import { reasonFlag } from './level-commands.ts'

export const drainCommand: Command = {
  name: 'drain',
  about: 'Have a running K2 take nothing more, land what it has, and end, as on SIGTERM.',
  flags: [urlFlag, reasonFlag],
  examples: ['npm run k2 -- drain --reason "new disk"'],
  exitCodes: { 0: 'it is draining, and ends by itself', ...apiExitCodes },
  run: (given, io) =>
    answerFromApi(given, io, {
      method: 'POST',
      path: '/v1/system/drain',
      reason: given.values.get(reasonFlag.name),
      decode: decodeAnswer,
      tell: ({ answer: { data } }) =>
        io.print(`K2 is draining; it ends within ${data.ends_within_seconds} s`)
    })
}

const decodeAnswer = Schema.decodeUnknownSync(
  Schema.Struct({ data: Schema.Struct({ ends_within_seconds: Schema.Number }) })
)
