/** Writes the view: in place on a terminal, line by line elsewhere. */
import type { DemoRecord, Mark, Transition } from './record.ts'
import { changeLine, markLine, screenOf, statusLine, timeOf } from './view.ts'

interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly write: (text: string) => unknown
}

export interface Screen {
  readonly mark: (mark: Mark) => void
  readonly transition: (change: Transition) => void
  /** There is something new to see. */
  readonly refresh: () => void
  /** Leaves what is shown where it is. */
  readonly close: () => void
}

const statusMs = 5_000
const columnsDefault = 100

export const openScreen = (record: DemoRecord, output: Output): Screen =>
  output.isTTY === true ? terminalScreen(record, output) : plainScreen(record, output)

const plainScreen = (record: DemoRecord, output: Output): Screen => {
  let statusAtMs = 0
  const line = (atMs: number, text: string) =>
    void output.write(`${timeOf(record, atMs)}  ${text}\n`)
  return {
    mark: (mark) => line(mark.atMs, markLine(mark)),
    transition: (change) => line(change.atMs, changeLine(change)),
    refresh: () => {
      const nowMs = Date.now()
      if (nowMs - statusAtMs < statusMs) return
      statusAtMs = nowMs
      line(nowMs, statusLine(record))
    },
    close: () => undefined
  }
}

const terminalScreen = (record: DemoRecord, output: Output): Screen => {
  let shown = 0
  const draw = () => {
    const columns = output.columns ?? columnsDefault
    const hasColor = process.env['NO_COLOR'] === undefined
    const lines = screenOf(record, { nowMs: Date.now(), columns, hasColor })
    const up = shown === 0 ? '' : `\u001B[${shown}A`
    output.write(`${up}${lines.map((line) => `\u001B[2K${line}\n`).join('')}\u001B[0J`)
    shown = lines.length
  }
  return { mark: draw, transition: draw, refresh: draw, close: draw }
}
