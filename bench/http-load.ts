/** One request after the other on a kept connection, and how long they took, as a histogram. */
import type { HttpClient, Reply } from './http-client.ts'
import { Latencies } from './latencies.ts'

export interface Question {
  readonly path: string
  /** Of a POST. */
  readonly body?: unknown
}

export const ask = (client: HttpClient, { path, body }: Question): Promise<Reply> =>
  body === undefined ? client.get(path) : client.post(path, body)

/**
 * Asks `count` times. `faultOf` looks at each answer, outside of the time that is measured.
 * @throws what the first answer has that is wrong
 */
export const askMany = async (
  client: HttpClient,
  question: Question,
  count: number,
  faultOf: (reply: Reply) => string | undefined
): Promise<Latencies> => {
  const latencies = new Latencies()
  for (let index = 0; index < count; index += 1) {
    const reply = await ask(client, question)
    const fault = faultOf(reply)
    if (fault !== undefined) throw new Error(`${question.path}: ${fault}`)
    latencies.record(reply.tookMs)
  }
  return latencies
}

/** The records of an answer as they are written: `data` without what stands around it. */
export const dataOf = ({ status, text }: Reply): string => {
  if (status !== 200) return ''
  const start = text.indexOf('"data":')
  const end = text.lastIndexOf(',"pagination":')
  return start < 0 || end < 0 ? '' : text.slice(start + '"data":'.length, end)
}
