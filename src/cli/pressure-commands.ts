/** `npm run k2 -- pressure inject | clear`: pressure that a running K2 is told of (G-23). */
import * as Schema from 'effect/Schema'
import { answerFromApi, apiExitCodes, urlFlag } from './ask-api.ts'
import {
  ArgumentsRejected,
  type Command,
  type CommandIo,
  type Flag,
  type Given
} from './command-line.ts'

const answerMsMax = 10_000
const expiresDefault = 60

const reasonFlag: Flag = {
  name: '--reason',
  value: 'TEXT',
  about: 'Why, for the log of that K2.'
}

const exitCodes = { 0: 'done', ...apiExitCodes }

export const pressureInjectCommand: Command = {
  name: 'pressure inject',
  about: 'Tell a running K2 that it is under pressure, until that expires.',
  flags: [
    urlFlag,
    {
      name: '--level',
      value: 'LEVEL',
      about: 'Up to this level: soft, graceful, aggressive or circuitBreak.'
    },
    { name: '--value', value: 'SHARE', about: 'Or a share, 0 to 1, as of the memory in use.' },
    { name: '--expires', value: 'SECONDS', about: `After so long (preset ${expiresDefault}).` },
    reasonFlag
  ],
  examples: ['npm run k2 -- pressure inject --level graceful --expires 30'],
  exitCodes,
  run: (given, io) => answered(given, io, { method: 'POST', body: requestOf(given) })
}

export const pressureClearCommand: Command = {
  name: 'pressure clear',
  about: 'Take injected pressure away from a running K2.',
  flags: [urlFlag, reasonFlag],
  examples: ['npm run k2 -- pressure clear'],
  exitCodes,
  run: (given, io) => answered(given, io, { method: 'DELETE' })
}

/** @throws ArgumentsRejected; what the values may be is the API's to say */
const requestOf = ({ values }: Given): string => {
  const level = values.get('--level')
  const value = values.get('--value')
  if ((level === undefined) === (value === undefined)) {
    throw new ArgumentsRejected('give either --level or --value')
  }
  return JSON.stringify({
    ...(level === undefined ? { value: Number(value) } : { level }),
    expires_seconds: Number(values.get('--expires') ?? expiresDefault)
  })
}

interface Request {
  readonly method: 'POST' | 'DELETE'
  readonly body?: string
}

const answered = (given: Given, io: CommandIo, request: Request): Promise<number> =>
  answerFromApi(given, io, {
    ...request,
    reason: given.values.get(reasonFlag.name),
    path: '/v1/system/pressure',
    msMax: answerMsMax,
    decode: decodeState,
    tell: ({ answer }) => io.print(tell(answer.data))
  })

const tell = ({ level, injected }: State): string => {
  const now = `the level is ${level ?? 'not known yet'}; the next sample may change it`
  return injected === null
    ? `no pressure is injected; ${now}`
    : `pressure ${injected.value} is injected until ${injected.expires}; ${now}`
}

type State = ReturnType<typeof decodeState>['data']

const decodeState = Schema.decodeUnknownSync(
  Schema.Struct({
    data: Schema.Struct({
      level: Schema.NullOr(Schema.String),
      injected: Schema.NullOr(Schema.Struct({ value: Schema.Number, expires: Schema.String }))
    })
  })
)
