import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  areServicesRequired,
  idsOf,
  installMsMax,
  KafkaFixture,
  landedIds,
  tradesOf
} from './kafka-fixture.ts'
import { LandingMember, LandingProcess } from './landing-member.ts'

const partitionCount = 4

describe.skipIf(!areServicesRequired)('landers that share a topic', () => {
  let kafka: KafkaFixture

  beforeAll(async () => {
    kafka = await KafkaFixture.start()
  }, installMsMax)

  afterAll(async () => kafka.end())

  const group = async () => {
    const topic = await kafka.makeTopic(partitionCount)
    const folder = await mkdtemp(join(tmpdir(), 'k2-landing-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const setup = (member: string) => ({
      bootstrap: kafka.bootstrap,
      topic,
      groupId: `${topic}-trades`,
      folder,
      member
    })
    const send = async (from: number, to: number) =>
      kafka.sendTrades(topic, partitionCount, tradesOf(from, to))
    return { topic, folder, setup, send }
  }

  const share = [partitionCount / 2, partitionCount / 2]
  const shares = (...members: readonly { readonly assigned: readonly number[] | undefined }[]) =>
    members.map(({ assigned }) => assigned?.length)

  test('partitions are split; one is killed; the other lands the rest', async () => {
    const { folder, setup, send } = await group()
    await send(1, 200)
    const one = new LandingMember(setup('one'))
    await one.run(async () => {
      const other = new LandingProcess(setup('other'))
      try {
        await expect.poll(() => shares(one, other)).toEqual(share)
        await send(201, 400)
        await expect.poll(() => one.landedCount + other.landedCount).toBe(400 * 6)
        await other.kill()
        await send(401, 600)
        await expect.poll(() => shares(one)).toEqual([partitionCount])
        await expect.poll(() => one.landedCount + other.landedCount).toBe(600 * 6)
      } finally {
        await other.kill()
      }
    })
    expect(await landedIds(folder)).toEqual(idsOf(tradesOf(1, 600)))
  })

  test('members come and go while records land: none twice, none missing', async () => {
    const { folder, setup, send } = await group()
    const members: LandingMember[] = []
    let id = 0
    const done = new AbortController()
    const sending = (async () => {
      while (!done.signal.aborted) {
        await send(id + 1, id + 50)
        id += 50
      }
    })()
    const first = new LandingMember(setup('m0'))
    members.push(first)
    first.start()
    for (const name of ['m1', 'm2']) {
      await expect.poll(() => first.assigned?.length).toBe(partitionCount)
      const next = new LandingMember(setup(name))
      members.push(next)
      next.start()
      await expect.poll(() => shares(first, next)).toEqual(share)
      await expect.poll(() => next.landedCount).toBeGreaterThan(0)
      await next.finish()
    }
    done.abort()
    await sending
    // What a member has that left is nobody's until the others have joined again.
    await expect.poll(() => first.assigned?.length).toBe(partitionCount)
    await first.finish()
    const landed = members.reduce((sum, { landedCount }) => sum + landedCount, 0)
    expect(landed).toBe(id * 6)
    expect(await landedIds(folder)).toEqual(idsOf(tradesOf(1, id)))
  })

  test('an owner that slept through the loss of its partitions is fenced', async () => {
    const { folder, setup, send } = await group()
    await send(1, 100)
    // It has read and not committed when it falls asleep; when it wakes, a commit is due at once,
    // since it has slept for a session.
    const stale = new LandingProcess({ ...setup('stale'), commitAgeMs: 6_000 })
    const heir = new LandingMember(setup('heir'))
    try {
      await expect.poll(() => stale.landedCount).toBe(600)
      await send(101, 200)
      await expect.poll(() => stale.readCount).toBe(200 * 6)
      stale.signal('SIGSTOP')
      await heir.run(async () => {
        await send(201, 300)
        await expect.poll(() => heir.landedCount).toBe(200 * 6)
        stale.signal('SIGCONT')
        await expect.poll(() => shares(heir, stale)).toEqual(share)
        await send(301, 400)
        await expect.poll(() => heir.landedCount + stale.landedCount).toBe(400 * 6)
        expect(stale.all('commit.fenced').length).toBeGreaterThan(0)
        expect(await stale.finish()).toBe(0)
      })
    } finally {
      await stale.kill()
    }
    expect(await landedIds(folder)).toEqual(idsOf(tradesOf(1, 400)))
  })
})
