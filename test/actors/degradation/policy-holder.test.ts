import { describe, expect, it } from 'vitest'
import { PolicyHolder } from '../../../src/actors/degradation/policy-holder.ts'
import { type Level, policyOf } from '../../../src/machines/ingest-policy.ts'

describe('the policy that is commanded', () => {
  it('is none before the first command', () => {
    const holder = new PolicyHolder()
    const heard: Level[] = []
    holder.follow(({ level }) => heard.push(level))
    expect(holder.current).toBeUndefined()
    expect(heard).toEqual([])
  })

  it('is told to who follows, at once and at each command, until they stop', () => {
    const holder = new PolicyHolder()
    holder.set(policyOf('soft'))
    const heard: Level[] = []
    const stop = holder.follow(({ level }) => heard.push(level))
    expect(heard).toEqual(['soft'])
    holder.set(policyOf('graceful'))
    stop()
    holder.set(policyOf('normal'))
    expect(heard).toEqual(['soft', 'graceful'])
    expect(holder.current).toBe(policyOf('normal'))
  })

  it('keeps who follows with the same function apart', () => {
    const holder = new PolicyHolder()
    let count = 0
    const listener = () => void count++
    const stop = holder.follow(listener)
    holder.follow(listener)
    stop()
    holder.set(policyOf('soft'))
    expect(count).toBe(1)
  })

  it('reaches all, whoever throws, and says so to who commands', () => {
    const holder = new PolicyHolder()
    const heard: Level[] = []
    holder.follow(() => {
      throw new Error('a feed that fails')
    })
    holder.follow(({ level }) => heard.push(level))
    expect(() => holder.set(policyOf('soft'))).toThrow('a feed that fails')
    expect(heard).toEqual(['soft'])
  })
})
