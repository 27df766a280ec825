/** Bounded waiting for what a process is to become. */
import { setTimeout as pause } from 'node:timers/promises'
import { StackProblem } from './stack-problem.ts'

/** `undefined`: it is so. A text: not yet, and why. */
export type Answer = string | undefined

export interface Wait {
  /** What is waited for, for the message, for example `kafka-1 to be ready`. */
  readonly what: string
  readonly msMax: number
  /** What helps to understand why it did not come about. */
  readonly evidence: () => Promise<string>
}

const everyMs = 100

/** Asks until it is so. What the question throws ends the wait. */
export const awaitAnswer = async (
  ask: () => Promise<Answer>,
  { what, msMax, evidence }: Wait
): Promise<void> => {
  const deadlineMs = performance.now() + msMax
  for (;;) {
    const reason = await ask()
    if (reason === undefined) return
    if (performance.now() > deadlineMs) {
      throw new StackProblem(
        `waited ${msMax / 1_000} s for ${what} in vain: ${reason}\n${await evidence()}`
      )
    }
    await pause(everyMs)
  }
}

const requestMsMax = 5_000

/** An HTTP request that must succeed for a service to be ready. */
export const askHttp = async (url: string, init: RequestInit = {}): Promise<Answer> => {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(requestMsMax) })
    await response.arrayBuffer()
    return response.ok ? undefined : `${url} answers ${response.status}`
  } catch (error) {
    return `${url}: ${reasonOf(error)}`
  }
}

/** Of what fetch throws, the reason is in the cause. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
