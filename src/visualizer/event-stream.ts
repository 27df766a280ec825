/** `text/event-stream`, read from the body of an answer, because an EventSource sends no key. */

export interface StreamEvent {
  readonly event: string
  readonly id: string | null
  readonly data: string
}

/** An event longer than this is none of K2's. */
const eventCharsMax = 16 * 1_024 * 1_024

/** @throws Error for a stream that does not end its events */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      rest += decoder.decode(value, { stream: true })
      const blocks = rest.split('\n\n')
      rest = blocks.pop()!
      for (const block of blocks) {
        const event = eventOf(block)
        if (event !== undefined) yield event
      }
      if (rest.length > eventCharsMax) throw new Error('an event of the stream has no end')
    }
  } finally {
    await reader.cancel().catch(() => {
      // The connection is gone already.
    })
  }
}

/** Undefined for a comment. */
const eventOf = (block: string): StreamEvent | undefined => {
  let event = 'message'
  let id: string | null = null
  const data: string[] = []
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const value = line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (line.startsWith('data:')) data.push(value)
    if (line.startsWith('event:')) event = value
    if (line.startsWith('id:')) id = value
  }
  return data.length === 0 ? undefined : { event, id, data: data.join('\n') }
}
